import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderPage } from '../../../src/report/page/page.tsx';
import { makeWorkplace } from '../../support/baton.ts';
import { draft } from '../../support/context.ts';
import { makeLargeReport, makeLongestReport } from './made-report.ts';

const CHROMIUM = '/usr/bin/chromium';
const isThere = existsSync(CHROMIUM);
if (!isThere) {
  process.stderr.write(
    `\n*** ${CHROMIUM} is missing: THE TESTS OF THE REPORT PAGE IN A BROWSER ARE SKIPPED ***\n\n`,
  );
}

/** What the page uses of the browser's types. */
declare const document: {
  readonly documentElement: { readonly scrollWidth: number; readonly clientWidth: number };
};
declare const axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };

describe.skipIf(!isThere)('the report page in a browser', () => {
  let folder: string;
  let browser: Browser;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'baton-page-'));
    await writeFile(
      join(folder, 'large.html'),
      renderPage(makeLargeReport(), (verdict) => `/${verdict}`),
    );
    await writeFile(join(folder, 'longest.html'), renderPage(makeLongestReport()));
    // Axe looks at every cell of the strip.
    const report = makeLargeReport();
    const few = renderPage({ ...report, hops: report.hops.slice(45, 55) }, (verdict) => `/${verdict}`);
    await writeFile(join(folder, 'few.html'), few);
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser.close();
    await rm(folder, { recursive: true });
  });

  /** Opens a page; `complaints` are requests to outside, and errors of the console. */
  async function open(name: string, options: Parameters<Browser['newPage']>[0] = {}) {
    const page = await browser.newPage(options);
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => {
      if (!request.url().startsWith('file:')) complaints.push(request.url());
    });
    await page.goto(pathToFileURL(join(folder, name)).href);
    return { page, complaints };
  }

  function widthOf(page: Page) {
    return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  }

  test('nothing is wider than the screen, and nothing asks for anything', async () => {
    for (const name of ['large.html', 'longest.html']) {
      const { page, complaints } = await open(name);
      for (const width of [375, 768, 1440]) {
        await page.setViewportSize({ width, height: 800 });
        expect(await widthOf(page), `${name} at ${width} px`).toBe(0);
      }
      expect(complaints).toEqual([]);
      await page.close();
    }
  });

  test.each([
    ['light', 1280],
    ['dark', 375],
  ] as const)('axe finds nothing in %s colours at %i px', async (colorScheme, width) => {
    const source = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    // The policy of the page forbids the script of axe, as it should.
    const { page } = await open('few.html', {
      bypassCSP: true,
      colorScheme,
      viewport: { width, height: 800 },
    });
    await page.evaluate(source);
    const { violations } = await page.evaluate(() => axe.run());
    expect(violations.map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([]);
  });

  test('it prints on three pages at most', async () => {
    for (const name of ['large.html', 'longest.html']) {
      const { page } = await open(name);
      const pdf = await page.pdf({ preferCSSPageSize: true, printBackground: true });
      expect(pdf.toString('latin1').match(/\/Type\s*\/Page\b/g)?.length, name).toBeLessThanOrEqual(3);
      await page.close();
    }
  });
});

test('baton report writes the page, and says why where it cannot', async () => {
  await using here = await makeWorkplace();
  const store = await here.openStore();
  const content = { ...draft.content, title: '<b>Sale</b>' };
  const announcementId = await store.createAnnouncement({ ...draft, content });
  const file = join(here.folder, 'report.html');
  const written = await here.baton(['report', String(announcementId), '-o', file]);
  expect(written).toMatchObject({
    status: 0,
    out: '',
    err: expect.stringMatching(/^wrote \d+ KB\n$/) as string,
  });
  const page = await readFile(file, 'utf8');
  // The page is long: an error should not print it.
  expect(/<h1>(.*?)</.exec(page)?.[1]).toBe('Not started yet.');
  for (const never of ['<b>Sale', 'href=']) expect(page.includes(never), never).toBe(false);
  expect(await here.baton(['report', String(announcementId)])).toMatchObject({ status: 0, err: '' });
  expect(await here.baton(['report', String(announcementId), '--output', here.folder])).toMatchObject({
    status: 2,
    err: 'baton report: --output: expected a file that can be written, got EISDIR (a folder)\n',
  });
  expect(await here.baton(['report', '999'])).toMatchObject({
    status: 1,
    err: 'baton report: announcementId: expected the id of a row in push_announcement, got 999\n',
  });
});
