import { expect, test } from 'vitest';
import { literalBytesOf, withLiterals } from '../../src/db/literals.ts';
import { sql } from '../../src/db/sql.ts';

test('numbers, NULL and plain text stand in the statement as they are', () => {
  expect(withLiterals(sql`SELECT ${1}, ${-2.5}, ${null}, ${'plain text?'}, ${''}`)).toBe(
    "SELECT 1, -2.5, NULL, 'plain text?', ''",
  );
  expect(withLiterals(sql`SELECT 1`)).toBe('SELECT 1');
});

test.each([
  ["it's", '69742773'],
  ['\\', '5c'],
  ['é', 'c3a9'],
  ['a\nb', '610a62'],
  ['\0', '00'],
  ['🎉', 'f09f8e89'],
])('text that some server could read as more than text is hexadecimal: %j', (text, hex) => {
  expect(withLiterals(sql`SELECT ${text}`)).toBe(`SELECT _utf8mb4 0x${hex}`);
});

test('no text has a quote or a backslash in a statement, whatever it is', () => {
  for (let code = 0; code < 0x1_0000; code++) {
    const text = `a${String.fromCharCode(code)}b`;
    const literal = withLiterals(sql`${text}`);
    if (!/^_utf8mb4 0x[0-9a-f]+$/.test(literal)) expect(literal).toMatch(/^'a[ -&(-[\]-~]b'$/);
    if (literal.length > literalBytesOf(text)) expect(literal).toBe('shorter');
  }
});

test('a number that is none is refused', () => {
  expect(() => withLiterals(sql`SELECT ${Number.NaN}`)).toThrow('expected a finite number, got NaN');
  expect(() => withLiterals(sql`SELECT ${-Infinity}`)).toThrow('expected a finite number, got -Infinity');
});
