import { expect, test } from 'vitest';
import { show, showName, showNumber, showTime, showWord } from '../src/show.ts';

test.each([
  ['hunter2', '7 characters'],
  ['x', '1 character'],
  ['', '""'],
  [493_817, 'a number'],
  [true, 'true'],
  [null, 'null'],
  [undefined, 'nothing'],
  [['hunter2'], 'a list of 1'],
  [{}, '{}'],
  [{ token: 'hunter2', 'anna@example.com': 1 }, 'an object with token, (a name of 16 characters)'],
  [{ a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1 }, 'an object with a, b, c, d, e and 2 more'],
])('%j is shown as %s', (value, shown) => {
  expect(show(value)).toBe(shown);
});

test('numbers, words and times are shown where they belong', () => {
  expect([showNumber(-1.5), showNumber('42'), showNumber('0.5'), showNumber('4x')]).toEqual([
    '-1.5',
    '"42"',
    '"0.5"',
    '2 characters',
  ]);
  expect([showWord('PROD', ['dev', 'prod']), showWord('hunter2', ['dev'])]).toEqual([
    '"PROD"',
    '7 characters',
  ]);
  expect([showTime('2026-12-24T18:07'), showTime('24.12.2026')]).toEqual([
    '"2026-12-24T18:07"',
    '10 characters',
  ]);
});

test('a name that may be a token is not shown', () => {
  expect(['publish_at', 'notification_foreground', 'idempotencyKey'].map(showName)).toEqual([
    'publish_at',
    'notification_foreground',
    'idempotencyKey',
  ]);
  expect(['493817', 'cXy0Zk8aQ0mJ-dE1fGh2iJ', 'anna@example.com', ''].map(showName)).toEqual([
    '(a name of 6 characters)',
    '(a name of 22 characters)',
    '(a name of 16 characters)',
    '(a name of 0 characters)',
  ]);
});
