import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { listSample, SAMPLE_IDS, shareOf } from '../../src/model/sample.ts';

const share = fc
  .tuple(fc.integer({ min: 0, max: 9_999 }), fc.integer({ min: 1, max: 10_000 }))
  .filter(([from, below]) => from < below)
  .map(([from, below]) => ({ from, below }));
const narrow = fc
  .tuple(fc.integer({ min: 0, max: 9_990 }), fc.integer({ min: 1, max: 10 }))
  .map(([from, width]) => ({ from, below: from + width }));
/** Also where the arithmetic begins anew, and at the end of all numbers. */
const start = fc.oneof(
  fc.integer({ min: 0, max: 3_000_000 }),
  fc.integer({ min: SAMPLE_IDS - 2000, max: SAMPLE_IDS + 10 }),
  fc.integer({ min: 3 * SAMPLE_IDS - 2000, max: 3 * SAMPLE_IDS + 10 }),
  fc.constant(Number.MAX_SAFE_INTEGER - 5_000),
);

test('the ids of a share are those whose own share it is', () => {
  fc.assert(
    fc.property(fc.oneof(share, narrow), start, fc.integer({ min: 0, max: 4000 }), (wanted, fromId, more) => {
      const toId = fromId + more;
      const expected = Array.from({ length: more + 1 }, (_, nth) => fromId + nth).filter((id) => {
        const own = shareOf(id);
        return own >= wanted.from && own < wanted.below;
      });
      expect(listSample(wanted, { fromId, toId })).toEqual(expected);
      expect(listSample(wanted, { fromId, toId }, 3)).toEqual(expected.slice(0, 3));
    }),
    { numRuns: 300, seed: 5 },
  );
});

test('no more ids are listed than asked for, and none of a range without ids', () => {
  const tenth = { from: 0, below: 1000 };
  expect(listSample(tenth, { fromId: 1, toId: 1_000_000 }, 0)).toEqual([]);
  expect(listSample(tenth, { fromId: 5, toId: 4 })).toEqual([]);
  expect(listSample({ from: 0, below: 10_000 }, { fromId: 7, toId: 9 })).toEqual([7, 8, 9]);
});
