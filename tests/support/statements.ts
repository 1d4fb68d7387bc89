import { readFileSync } from 'node:fs';

/** The SQL blocks of a page that are marked as run by the tests. */
export function readStatements(page: string): string[] {
  const text = readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8');
  const blocks = text.matchAll(/<!-- These statements are run by the tests. -->\n\n```sql\n(.*?)```/gs);
  const statements = [...blocks].map(([, block = '']) => block);
  if (statements.length === 0) throw new Error(`${page} has no statements for the tests`);
  return statements;
}
