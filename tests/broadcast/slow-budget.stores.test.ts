import { expect, test } from 'vitest';
import { runHop } from '../../src/broadcast/hop.ts';
import { scan } from '../../src/broadcast/scan.ts';
import type { PushJob } from '../../src/job.ts';
import { makeTestClock } from '../support/clock.ts';
import { draft, madeUpDevices, makeContext, type TestContext } from '../support/context.ts';
import { makeDatabase } from '../support/database.ts';
import { openTimedStore } from '../support/timed-store.ts';

const DEVICES = 30;
const TICK_MS = 5000;
const INVOCATION_MS = 40_000;

test('a broadcast whose pages take longer than an invocation ends, and uses its budget', async () => {
  const database = await makeDatabase('sqlite');
  const clock = makeTestClock({ isEager: true });
  const store = openTimedStore(database.config, clock);
  await store.addDevices(madeUpDevices(DEVICES));
  const announcementId = await store.createAnnouncement(draft);
  const startInvocation = (): TestContext => {
    const endsAt = clock.now() + INVOCATION_MS;
    return makeContext(store, {
      // A page of 10 takes 61 s.
      env: { FCM_MESSAGES_PER_MINUTE: '10' },
      clock,
      remainingMs: () => endsAt - clock.now(),
      // Each hop begins while the one before has just begun to send.
      invoke,
    });
  };
  const invoke = async (job: PushJob): Promise<void> => {
    if (job.kind === 'broadcast') await runHop(startInvocation(), job);
  };
  const status = async () => (await store.fetchAnnouncement(announcementId))?.status;

  const startedAt = clock.now();
  await invoke({ kind: 'broadcast', announcementId, round: 0, fromId: 0 });
  for (let tick = 0; tick < 100 && (await status()) !== 'done'; tick++) {
    await clock.advance(TICK_MS);
    await scan(startInvocation());
  }
  expect(await status()).toBe('done');
  expect(await store.countDeliveries(announcementId)).toMatchObject({ delivered: DEVICES });
  // The budget needs three minutes; after each page a tick wakes the next hop.
  expect(clock.now() - startedAt).toBeLessThan(3 * 61_300 + 4 * TICK_MS);
  await store.close();
  await database.drop();
});
