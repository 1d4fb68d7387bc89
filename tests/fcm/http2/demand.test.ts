import { expect, test } from 'vitest';
import { Demand } from '../../../src/fcm/http2/demand.ts';

/** The demand after so many answers that the mean is their latency. */
function demandAt(latencyMs: number): Demand {
  const demand = new Demand();
  for (let answer = 0; answer < 1000; answer++) demand.noteLatency(latencyMs);
  return demand;
}

test('before the first answer every message counts as one stream', () => {
  expect(new Demand().connectionsFor(250, 100)).toBe(3);
});

test.each([
  ['half as many streams as messages for answers after half the time of a backlog', 25, 990, 5],
  ['no more streams than messages for slow answers', 5000, 300, 3],
  ['one connection for answers without delay', 0, 5000, 1],
  ['forty connections at most', 200, 100_000, 40],
])('%s', (_, latencyMs, messages, connections) => {
  expect(demandAt(latencyMs).connectionsFor(messages, 100)).toBe(connections);
});
