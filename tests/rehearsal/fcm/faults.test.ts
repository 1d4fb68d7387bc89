import { expect, test } from 'vitest';
import { chance, drawFault, parseFaults } from '../../../src/rehearsal/fcm/faults.ts';

test('a mix of faults is parsed from text', () => {
  expect(parseFaults('unavailable=0.02,quota=0.01')).toEqual({ unavailable: 0.02, quota: 0.01 });
  expect(parseFaults('')).toEqual({});
});

test.each(['sunspots=1', 'reset', 'reset=', 'reset=2', 'reset=-1', 'reset=x'])('%s is refused', (text) => {
  expect(() => parseFaults(text)).toThrow(`faults: expected NAME=SHARE, a share from 0 to 1`);
  expect(() => parseFaults(text)).toThrow(`got ${text.length} characters`);
});

test('each fault hits its share, and depends only on seed, target and attempt', () => {
  const mix = { unregistered: 0.1, reset: 0.2 };
  const faults = Array.from({ length: 10_000 }, (_, nth) => drawFault(mix, 7, `target-${nth}`, 1));
  const share = (fault: string | null) => faults.filter((each) => each === fault).length / faults.length;
  expect(share('unregistered')).toBeCloseTo(0.1, 1);
  expect(share('reset')).toBeCloseTo(0.9 * 0.2, 1);
  expect(drawFault(mix, 7, 'target-3', 1)).toBe(faults[3]);
  expect(chance(1, 'a')).not.toBe(chance(2, 'a'));
});
