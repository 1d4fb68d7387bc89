import { expect, test } from 'vitest';
import { replaceBetweenMarkers } from './page.ts';
import type { Peer } from './peers/peer.ts';
import { parseSenderOptions } from './sender-options.ts';
import type { RoundMeasure } from './sender-peers.ts';
import { judgeBaton, median, peerTable } from './sender-table.ts';

/** Rounds of one peer, each given by its messages a second and its CPU time for a message. */
function rounds(...figures: readonly [number, number][]): RoundMeasure[] {
  return figures.map(([messagesPerSecond, cpuUs]) => ({
    ...{ messagesPerSecond, cpuUs, peakMb: 100, sandboxCpuUs: 50 },
  }));
}

function measuresOf(peers: Partial<Record<Peer, RoundMeasure[]>>) {
  return { latencyMs: 80, peers: new Map(Object.entries(peers) as [Peer, RoundMeasure[]][]) };
}

test('a table has medians, and ratios to Baton in the same round', () => {
  const table = peerTable(
    measuresOf({
      baton: rounds([1000, 40], [2000, 50], [4000, 60]),
      undici: rounds([500, 80], [1000, 100], [2000, 120]),
    }),
  );
  expect(table).toContain('| Baton, `http2` | 2000 | 1.00 | 50.0 µs | 1.00 | 100 MB | 10% |');
  expect(table).toContain('| `undici`, HTTP/2 | 1000 | 0.50 | 100.0 µs | 2.00 | 100 MB | 5% |');
});

test.each([
  [[3, 1, 2], 2],
  [[4, 1, 2, 3], 2.5],
  [[], Number.NaN],
])('the median of %j is %d', (values, expected) => {
  expect(median(values)).toBe(expected);
});

test('a peer that was not measured has a row that says so', () => {
  const table = peerTable(measuresOf({ baton: rounds([1000, 40]) }));
  expect(table).toContain('| h2load (C, a load generator) | not measured |');
});

test('Baton is first if no peer is faster or needs less CPU time', () => {
  const measures = measuresOf({ baton: rounds([1000, 40]), undici: rounds([1020, 39.5]) });
  expect(judgeBaton(measures)).toEqual({
    isFirst: true,
    sentence:
      'At 80 ms, of those that a user could pick, Baton is first in messages a second; first in CPU a message.',
  });
});

test('peers that are faster or need less CPU time are named with their ratio', () => {
  const measures = measuresOf({
    baton: rounds([1000, 40]),
    undici: rounds([1500, 60]),
    'fcm-v1-http2': rounds([900, 30]),
  });
  expect(judgeBaton(measures)).toEqual({
    isFirst: false,
    sentence:
      'At 80 ms, of those that a user could pick, Baton is not first in messages a second: `undici`, HTTP/2 (1.50); ' +
      'not first in CPU a message: `fcm-v1-http2` (0.75).',
  });
});

test('nothing is judged where Baton was not measured', () => {
  expect(judgeBaton(measuresOf({ undici: rounds([1000, 40]) }))).toEqual({
    isFirst: true,
    sentence: 'Baton was not measured.',
  });
});

test('h2load is before nobody: a user cannot pick it', () => {
  const measures = measuresOf({ baton: rounds([1000, 40]), h2load: rounds([9000, 8]) });
  expect(judgeBaton(measures).isFirst).toBe(true);
});

test('results replace what stands between their markers, and nothing else', () => {
  const page = '# Page\n\n<!-- sender -->\n\nold\n\n<!-- /sender -->\n\n<!-- scale -->\n<!-- /scale -->\n';
  expect(replaceBetweenMarkers(page, 'sender', 'new')).toBe(page.replace('old', 'new'));
});

test('a page without markers is refused', () => {
  expect(() => replaceBetweenMarkers('# Page', 'sender', 'new')).toThrow('expected <!-- sender -->');
});

test('options of the benchmark have defaults', () => {
  expect(parseSenderOptions([])).toMatchObject({
    latenciesMs: [20, 80, 300],
    tail: { share: 0.002, ms: 2000 },
    hasLimits: true,
    writes: false,
  });
});

test.each([
  ['--latency', '20,,80'],
  ['--tail', '2:2000'],
  ['--rounds', '0'],
  ['--peers', 'baton,curl'],
])('an option that is not valid is refused with what was expected: %s %s', (option, value) => {
  expect(() => parseSenderOptions([option, value])).toThrow(/expected .*, got /);
});
