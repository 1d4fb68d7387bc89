import type { Store } from '../../src/store.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runHop } from '../../src/broadcast/hop.ts';
import { systemClock } from '../../src/clock.ts';
import type { Sender } from '../../src/context.ts';
import { openStore } from '../../src/db/open.ts';
import { makeHttp2Sender } from '../../src/fcm/http2/sender.ts';
import { type FcmSandbox, startFcmSandbox } from '../../src/rehearsal/fcm/sandbox.ts';
import { draft, fixedSender, madeUpDevices, makeContext } from '../support/context.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';

const DEVICES = 400;
type Source = 'shop_a' | 'shop_b';

/** Budgets with which all devices take 1 s and 4 s. */
const PER_MINUTE = { shop_a: DEVICES * 60, shop_b: DEVICES * 15 };

let database: TestDatabase;
let store: Store;
let sandboxes: Record<Source, FcmSandbox>;

beforeEach(async () => {
  database = await makeDatabase('sqlite');
  store = await openStore(database.config, systemClock);
  sandboxes = {
    shop_a: await startFcmSandbox({ projects: ['project-shop_a'] }),
    shop_b: await startFcmSandbox({ projects: ['project-shop_b'] }),
  };
});
afterEach(async () => {
  await store.close();
  await Promise.all(Object.values(sandboxes).map((sandbox) => sandbox.close()));
  await database.drop();
});

test('of two sources at once, each project gets only its own announcement, at its own rate', async () => {
  await store.addDevices(madeUpDevices(DEVICES));
  const env = {
    PAGE_SIZE: '100',
    BATCH_SIZE: '20',
    FCM_SOURCE: 'shop_a',
    FCM_MESSAGES_PER_MINUTE: String(PER_MINUTE.shop_a),
    FCM_CREDENTIALS_SHOP_B: 'b.json',
    FCM_MESSAGES_PER_MINUTE_SHOP_B: String(PER_MINUTE.shop_b),
  };

  async function broadcast(source: Source): Promise<{ announcementId: number; ms: number }> {
    const ctx = { ...makeContext(store, { env }), senders: fixedSender(makeSender(source)) };
    const announcementId = await store.createAnnouncement({ ...draft, source });
    const beganAt = performance.now();
    await runHop(ctx, { kind: 'broadcast', announcementId, round: 0, fromId: 0 });
    for (let job = ctx.invoked.shift(); job; job = ctx.invoked.shift()) {
      if (job.kind === 'broadcast') await runHop(ctx, job);
    }
    await ctx.senders.close();
    return { announcementId, ms: performance.now() - beganAt };
  }

  const [a, b] = await Promise.all([broadcast('shop_a'), broadcast('shop_b')]);
  for (const [source, { announcementId }] of [
    ['shop_a', a],
    ['shop_b', b],
  ] as const) {
    const sandbox = sandboxes[source];
    expect(sandbox.acceptedOf(`baton-${announcementId}`).size).toBe(DEVICES);
    expect([...sandbox.accepted.values()]).toEqual(Array(DEVICES).fill(1));
    expect(sandbox.stats().requests).toBe(DEVICES);
  }
  // Lower bounds: the last chunk begins at least this much later than the first.
  expect(a.ms).toBeGreaterThan(900);
  expect(b.ms).toBeGreaterThan(3700);
  expect(a.ms).toBeLessThan(b.ms);
});

/** Makes the sender of a source, with its own project and access token. */
function makeSender(source: Source): Sender {
  const credential = { getAccessToken: async () => ({ access_token: `key-of-${source}`, expires_in: 3600 }) };
  const access = { credential, projectId: `project-${source}` };
  return makeHttp2Sender({ endpoint: sandboxes[source].endpoint, access, clock: systemClock });
}
