import { expect, test } from 'vitest';
import * as z from 'zod';
import { parseWith, wholeNumber } from '../src/parse.ts';
import { refusal } from './support/events.ts';

const schema = z.strictObject(
  { id: wholeNumber(1, 100).optional(), list: z.array(z.string({ error: 'text' })).optional() },
  { error: 'no such field' },
);
const problemsOf = (value: unknown) => refusal(() => parseWith(schema, value, 'BAD_REQUEST')).problems;

test('a number is shown where a number belongs, and nowhere else', () => {
  expect(problemsOf({ id: 493_817, list: [493_817], otp: 493_817 })).toEqual([
    { field: 'id', expected: 'a whole number from 1 to 100', got: '493817' },
    { field: 'list.0', expected: 'text', got: 'a number' },
    { field: 'otp', expected: 'no such field', got: 'a number' },
  ]);
});

test('a name that may be a token is not shown, not even one of digits', () => {
  expect(problemsOf({ 493817: 1, ['x'.repeat(150)]: 1 }).map(({ field }) => field)).toEqual([
    '(a name of 6 characters)',
    '(a name of 150 characters)',
  ]);
});

test('of thousands of problems, an error names the first ones and counts the others', () => {
  const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, nth) => [`field${nth}`, nth]));
  const error = refusal(() => parseWith(schema, many, 'BAD_REQUEST'));
  expect(error.problems).toHaveLength(20);
  expect(error.message).toMatch(/; and 19980 more problems$/);
  expect(error.message.length).toBeLessThan(2000);
});
