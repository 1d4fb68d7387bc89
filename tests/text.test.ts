import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutText } from '../src/text.ts';

test('a text is cut by characters, and no half of one is left', () => {
  expect(cutText('abcdef', 6)).toBe('abcdef');
  expect(cutText('abcdefg', 6)).toBe('abcdef');
  expect(cutText('🎉🎉🎉', 2)).toBe('🎉🎉');
  expect(cutText('🎉🎉🎉', 3)).toBe('🎉🎉🎉');
  expect(cutText('\ud83c', 5)).toBe('\ufffd');
  expect(cutText('', 5)).toBe('');
});

test('whatever the text, the result is its beginning, is well-formed, and is no longer than asked', () => {
  const units = fc.constantFrom('a', 'é', '🎉', '\ud83c', '\udf89', '\0');
  fc.assert(
    fc.property(fc.array(units), fc.nat({ max: 8 }), (parts, max) => {
      const text = parts.join('');
      const cut = cutText(text, max);
      expect(cut.isWellFormed()).toBe(true);
      expect(Array.from(cut)).toEqual(Array.from(text.toWellFormed()).slice(0, max));
    }),
  );
});
