import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';

const PAGE = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url));

/** Writes the results of a benchmark into docs/benchmarks.md, between the markers of this name. */
export async function writeResults(name: string, results: string): Promise<void> {
  const page = replaceBetweenMarkers(await readFile(PAGE, 'utf8'), name, results);
  await writeFile(PAGE, await format(page, { ...(await resolveConfig(PAGE)), filepath: PAGE }));
}

export function replaceBetweenMarkers(page: string, name: string, text: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from)
    throw new Error(`the page: expected ${begin} and then ${end}, got no such markers`);
  return `${page.slice(0, from + begin.length)}\n\n${text.trim()}\n\n${page.slice(to)}`;
}
