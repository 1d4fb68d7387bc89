import { renderPage } from '../../src/report/page/page.tsx';
import { makeLargeReport } from '../report/page/made-report.ts';

const PAGES = 20;
const MAX_MS = 300;
const MAX_BYTES = 400_000;

/** Measures how long the report page of 2,000,000 devices and 667 hops takes once its modules are loaded, and its size. */
export async function benchReport(): Promise<void> {
  const report = makeLargeReport();
  const firstAt = performance.now();
  const bytes = Buffer.byteLength(renderPage(report));
  const firstMs = performance.now() - firstAt;
  const times = Array.from({ length: PAGES }, () => {
    const startedAt = performance.now();
    renderPage(report);
    return performance.now() - startedAt;
  }).toSorted((one, two) => one - two);
  const middle = times[PAGES / 2] ?? Number.NaN;
  process.stdout.write(
    `report page: ${(bytes / 1000).toFixed(0)} KB; ${firstMs.toFixed(0)} ms the first time, then ${middle.toFixed(0)} ms ` +
      `(median of ${PAGES})\n`,
  );
  if (middle > MAX_MS || bytes > MAX_BYTES) process.exitCode = 1;
}
