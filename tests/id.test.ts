import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { drawRandom, makeId } from '../src/id.ts';

/** Parts that never run inside the function on AWS. */
const ELSEWHERE = /^src\/(cli|local|rehearsal)\//;
const OWN = 'src/id.ts';
/** `Math.random` spreads retries over time in these files, and tells nothing apart. */
const SPREADING = ['src/db/mysql-pool.ts', 'src/judge/settle.ts'];

const files = globSync('src/**/*.{ts,tsx}').filter((file) => !ELSEWHERE.test(file));

function filesWith(pattern: RegExp): string[] {
  return files.filter((file) => pattern.test(readFileSync(file, 'utf8'))).toSorted();
}

test('an id is a random UUID, and no two are the same', () => {
  const ids = Array.from({ length: 1000 }, makeId);
  for (const id of ids)
    expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  expect(new Set(ids).size).toBe(1000);
  expect(drawRandom(12)).toHaveLength(12);
});

test('the function draws its ids from no generator that a snapshot would copy', () => {
  expect(files.length).toBeGreaterThan(200);
  expect(
    filesWith(/\b(randomUUID|randomBytes|randomInt|randomFill|randomFillSync|getRandomValues)\b/),
  ).toEqual([OWN]);
  expect(filesWith(/Math\.random/)).toEqual(SPREADING);
});

test('no id is drawn while a file is loaded: that is before the first event, and in the snapshot', () => {
  // A declaration at the left edge of a file that calls one of the two, without a function around the call.
  expect(filesWith(/^(export )?(const|let) [^\n]*(?<!=> )\b(makeId|drawRandom)\(/m)).toEqual([]);
});
