import { expect, test } from 'vitest';
import { makeLocalePicker } from '../../src/content/pick-locale.ts';

const pick = makeLocalePicker(
  ['de', 'de-AT', 'zh-Hant', 'pt-BR', 'EN'].map((locale) => [locale, locale] as const),
);

test.each([
  ['de', 'de'],
  ['de-CH', 'de'],
  ['DE-at', 'de-AT'],
  ['de_AT', 'de-AT'],
  ['zh-Hant-TW', 'zh-Hant'],
  ['zh-hant-tw-x-more', 'zh-Hant'],
  ['en-GB', 'EN'],
  ['pt-BR', 'pt-BR'],
  ['zh', null],
  ['zh-Hans', null],
  ['pt', null],
  ['d', null],
  ['', null],
  ['-', null],
  ['-de', null],
  ['__proto__', null],
  ['constructor', null],
  [null, null],
  [undefined, null],
])('a device of %s gets the text of %s', (locale, expected) => {
  expect(pick(locale)).toBe(expected);
});
