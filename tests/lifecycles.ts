import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { judgeImage, judgeTable } from '../src/radar/judge-lifecycles.ts';
import { CHECKED_ON, findLifecycle, type Lifecycle, LIFECYCLES } from '../src/radar/lifecycles.ts';

/** What is wrong with the table of lifecycles: each row needs a page and a date, and the Dockerfile's Node needs a row. */
export function findProblems(dockerfile: string, table: readonly Lifecycle[] = LIFECYCLES): string[] {
  const names = table.map(({ product, cycle }) => `${product} ${cycle}`);
  const problems = table.flatMap(({ endsOn, source }, nth) => [
    ...(/^https:\/\/[\w.-]+\/\S*$/.test(source)
      ? []
      : [`${names[nth]}: expected an https address as source, got ${JSON.stringify(source)}`]),
    ...(isDate(endsOn) ? [] : [`${names[nth]}: expected a date, got ${JSON.stringify(endsOn)}`]),
    ...(names.indexOf(names[nth] ?? '') === nth ? [] : [`${names[nth]}: expected one row, got several`]),
  ]);
  const image = /^ARG BASE_IMAGE=(\S+)$/m.exec(dockerfile)?.[1] ?? '';
  const node = /\/nodejs:(\d+)/.exec(image)?.[1] ?? '';
  const isKnown = findLifecycle('nodejs', node, table) !== null && judgeImage(image, 0).hasVerdict;
  return [
    ...problems,
    ...(isKnown
      ? []
      : [`Dockerfile: expected a base image of a Node that the table has, with a date, got ${image}`]),
    ...(isDate(CHECKED_ON) ? [] : [`CHECKED_ON: expected a date, got ${JSON.stringify(CHECKED_ON)}`]),
  ];
}

/** What has become old: no error, because it comes without any change. */
export function findWarnings(nowMs: number): string[] {
  return judgeTable(nowMs).notices.map(
    ({ says }) => `${says}: compare each row with its page, and set CHECKED_ON`,
  );
}

function isDate(text: string): boolean {
  const time = Date.parse(text);
  return !Number.isNaN(time) && new Date(time).toISOString().slice(0, 10) === text;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const problems = findProblems(readFileSync(new URL('../Dockerfile', import.meta.url), 'utf8'));
  for (const source of new Set(LIFECYCLES.map((row) => row.source))) {
    const rows = LIFECYCLES.filter((row) => row.source === source);
    process.stdout.write(
      `${source}\n${rows.map(({ product, cycle, endsOn }) => `  ${product} ${cycle} until ${endsOn}\n`).join('')}`,
    );
  }
  process.stdout.write(`${LIFECYCLES.length} rows, checked on ${CHECKED_ON}\n`);
  for (const line of [...problems, ...findWarnings(Date.now())]) process.stderr.write(`${line}\n`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
