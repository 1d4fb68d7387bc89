import { expect, test } from 'vitest';
import { makeStragglers } from '../../src/broadcast/stragglers.ts';
import { noMetrics } from '../../src/metrics.ts';
import type { Delivery } from '../../src/model/delivery.ts';
import type { Hop } from '../../src/model/hop.ts';
import { makeTestClock } from '../support/clock.ts';

const HOP: Hop = {
  ...{ announcementId: 1, round: 0, fromId: 0, owner: 'one', claims: 1, isTakenOver: false },
  ...{ toId: null, page: { lastId: 10, nextId: 11 }, handedOver: true, isCanary: false },
};

function deliver(deviceId: number, verdict: Delivery['verdict'] = 'delivered'): Delivery {
  return { deviceId, verdict, reason: null, messageName: 'm', retryInMs: null };
}

function makeLate({ fails = 0 } = {}) {
  const clock = makeTestClock();
  const written: number[][] = [];
  const logged: string[] = [];
  let failures = fails;
  const stragglers = makeStragglers({
    clock,
    metrics: noMetrics,
    store: {
      async recordDeliveries(_hop, deliveries) {
        if (failures-- > 0) throw new Error('the database is down');
        written.push(deliveries.map(({ deviceId }) => deviceId));
      },
      fetchSuccessions: async (devices) =>
        new Map(
          devices.filter(({ target }) => target === 'old').map(({ deviceId }) => [deviceId, 'replaced']),
        ),
    },
    log: { info: (event) => logged.push(event), error: (event) => logged.push(event) },
  });
  return { clock, written, logged, stragglers };
}

test('late answers are recorded together, a moment after the first', async () => {
  const { clock, written, stragglers } = makeLate();
  stragglers.take(HOP, deliver(1));
  stragglers.take(HOP, deliver(2));
  await clock.advance(100);
  stragglers.take(HOP, deliver(3));
  expect(written).toEqual([]);
  await clock.advance(150);
  expect(written).toEqual([[1, 2, 3]]);
  stragglers.take(HOP, deliver(4));
  await clock.advance(250);
  expect(written).toEqual([[1, 2, 3], [4]]);
});

test('an invocation that ends records what has arrived, so that a frozen process holds nothing half written', async () => {
  const { clock, written, stragglers } = makeLate();
  stragglers.take(HOP, deliver(1));
  await stragglers.flush();
  expect(written).toEqual([[1]]);
  await clock.advance(1000);
  expect(written).toEqual([[1]]);
});

test('an answer that decides nothing is not recorded: the ledger has the push as unknown already', async () => {
  const { written, stragglers } = makeLate();
  stragglers.take(HOP, deliver(1, 'unknown'));
  stragglers.take(HOP, deliver(2, 'retryable'));
  await stragglers.flush();
  expect(written).toEqual([]);
});

test('a database that is down costs the late answers, is logged, and ends no invocation', async () => {
  const { written, logged, stragglers } = makeLate({ fails: 1 });
  stragglers.take(HOP, deliver(1));
  await stragglers.flush();
  stragglers.take(HOP, deliver(2));
  await stragglers.flush();
  expect(written).toEqual([[2]]);
  expect(logged).toEqual(['late answers not recorded', 'late answers recorded']);
});
