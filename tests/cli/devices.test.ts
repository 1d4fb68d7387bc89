import { expect, test } from 'vitest';
import { describeTargets } from '../../src/cli/devices.ts';
import { parseTargets } from '../../src/model/targets.ts';

const signal = (day: string, value: string) => ({
  kind: 'targets' as const,
  source: '',
  name: 'devices',
  day,
  value,
  times: 1,
  seenAt: 0,
});

test('tokens and FIDs are counted, and compared with the days that are known', () => {
  expect(describeTargets({ token: 0, fid: 0 }, [])).toEqual([]);
  expect(describeTargets({ token: 10, fid: 0 }, [])).toEqual(['targets: 10 tokens, 0 FIDs (0%)']);
  const trend = parseTargets([
    signal('2026-11-26', '{"token":6,"fid":4}'),
    signal('2026-11-25', 'no JSON'),
    signal('2026-11-24', '{"token":9,"fid":1}'),
  ]);
  expect(trend).toHaveLength(2);
  expect(describeTargets({ token: 6, fid: 4 }, trend)).toEqual([
    'targets: 6 tokens, 4 FIDs (40%); FIDs were 10% on 2026-11-24',
  ]);
});
