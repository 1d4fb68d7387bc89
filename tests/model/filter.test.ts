import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isViewNamed, VIEW_PATTERNS } from '../../src/model/audience-views.ts';
import { filterSchema } from '../../src/model/filter.ts';
import { SAMPLE_SHARES, shareOf } from '../../src/model/sample.ts';
import { versionKeyOf } from '../../src/model/version.ts';

test.each([1, 2, 3, 10, 64, 1000])(
  'ids in steps of %d are spread evenly: a sample of a tenth has about a tenth of them',
  (step) => {
    for (const start of [1, 1_000_000, Number.MAX_SAFE_INTEGER - 10_000_000]) {
      const shares = Array.from({ length: 10_000 }, (_, nth) => shareOf(start + nth * step));
      for (let from = 0; from < SAMPLE_SHARES; from += 1000) {
        const taken = shares.filter((share) => share >= from && share < from + 1000).length;
        expect(taken).toBeGreaterThan(900);
        expect(taken).toBeLessThan(1100);
      }
    }
  },
);

test('the share of every id is a whole number from 0 to 9999', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (deviceId) => {
      const share = shareOf(deviceId);
      expect(Number.isInteger(share) && share >= 0 && share < SAMPLE_SHARES).toBe(true);
    }),
    { seed: 3 },
  );
});

test('keys of versions sort as their numbers do', () => {
  const sorted = ['0.9', '4', '4.0.0.1', '4.2', '4.10', '4.10.1', '10', '999999999.1'];
  expect(sorted.toSorted((one, other) => (versionKeyOf(one)! < versionKeyOf(other)! ? -1 : 1))).toEqual(
    sorted,
  );
  expect(versionKeyOf('4.0.0')).toBe(versionKeyOf('4'));
  for (const none of ['', '4.', '.4', '4.x', 'v4', '1.2.3.4.5', '4.12\n', '1234567890']) {
    expect(versionKeyOf(none)).toBeNull();
  }
});

test.each([
  ['push_audience_*', 'push_audience_vip', true],
  ['push_audience_*', 'push_audience_', true],
  ['push_audience_*', 'xpush_audience_vip', false],
  ['vip', 'vip2', false],
  ['vip', 'VIP', false],
  ['*', 'anything', true],
  ['a*c*', 'abcd', true],
])('the pattern %s and the name %s: %s', (pattern, name, isNamed) => {
  expect(VIEW_PATTERNS.test(pattern)).toBe(true);
  expect(isViewNamed([pattern], name)).toBe(isNamed);
});

test.each(['', 'a b', 'a;b', 'a,,b', '`a`', 'a.b'])('no list of patterns: %j', (text) => {
  expect(VIEW_PATTERNS.test(text)).toBe(false);
});

test.each([
  ['{"tags":{"plan":["pro"],"__proto__":["x"]}}', ['tags', '__proto__']],
  ['{"tags":{"__proto__":["x"]}}', ['tags', '__proto__']],
  ['{"__proto__":{"platform":["ios"]}}', ['__proto__']],
  ['{"platform":["ios"],"__proto__":{"isTest":true}}', ['__proto__']],
  ['{"appVersion":{"from":"4","__proto__":{"below":"5"}}}', ['appVersion', '__proto__']],
])('%s is refused: without this key the audience would be larger than asked', (json, path) => {
  expect(filterSchema.safeParse(JSON.parse(json)).error?.issues).toMatchObject([{ path }]);
});

test('a filter without a condition is refused: every device is no filter at all', () => {
  for (const empty of [{}, { platform: undefined }, null]) {
    expect(filterSchema.safeParse(empty).success).toBe(false);
  }
  expect(filterSchema.safeParse({ isTest: false }).success).toBe(true);
});
