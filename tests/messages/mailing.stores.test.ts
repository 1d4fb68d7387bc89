import type { BroadcastJob } from '../../src/job.ts';
import type { NewMessage, Recipient } from '../../src/model/message.ts';
import type { Store } from '../../src/store.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runHop } from '../../src/broadcast/hop.ts';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { scan } from '../../src/broadcast/scan.ts';
import {
  delivered,
  devicesOf,
  draft,
  makeContext,
  outcome,
  type TestContext,
  toDevice,
  toMember,
  type TestOptions,
} from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';

describe.each(databaseKinds())('a mailing, on %s', (kind) => {
  let database: TestDatabase;
  let store: Store;

  beforeEach(async () => {
    database = await makeDatabase(kind);
    store = await openStore(database.config, systemClock);
    // Devices 1 and 2 are Ada's, 3 is Bob's, 4 has no member.
    await store.addDevices(devicesOf('ada', 'ada', 'bob', null));
  });
  afterEach(async () => {
    await store.close();
    await database.drop();
  });

  function message(nth: number, recipient: Recipient): NewMessage {
    const content = { ...draft.content, title: `Order ${nth}` };
    return { messageKey: `order-${nth}`, source: 'default', recipient, content, ttlSeconds: null };
  }

  async function add(...recipients: Recipient[]): Promise<void> {
    await store.addMessages(
      recipients.map((recipient, nth) => message(nth + 1, recipient)),
      0,
    );
  }

  /** Ticks, and runs every job that the tick leads to, one after another. */
  async function tick(options: TestOptions = {}): Promise<TestContext> {
    const ctx = makeContext(store, options);
    await scan(ctx);
    for (let nth = 0; nth < ctx.invoked.length; nth++) {
      const job = ctx.invoked[nth];
      if (job?.kind === 'broadcast') await runHop(ctx, job);
    }
    return ctx;
  }

  const all = (announcementId: number | null | undefined) =>
    store.fetchMessages({ announcementId: announcementId ?? 0, round: 0, fromId: 0 }, 1000);

  const verdicts = async (announcementId = 1) =>
    [...(await store.fetchLedger({ announcementId, round: 0, fromId: 0 }, 1000))].flatMap(
      ([messageId, devices]) =>
        [...devices].map(([deviceId, { verdict, reason }]) => [messageId, deviceId, reason ?? verdict]),
    );

  test('the tick sends what is due, each message with its own content, to every device of its member', async () => {
    await add(toMember('ada'), toDevice(4), toMember('bob'));
    await store.addMessages([message(9, toDevice(1))], Date.now() + 60_000);
    const titles: string[] = [];
    const ctx = await tick({
      answer: ({ deviceId, own }) => {
        titles.push(`${deviceId} ${own?.content.title} ${own?.collapseKey}`);
        return delivered;
      },
    });
    expect(titles).toEqual([
      '1 Order 1 baton-m1',
      '2 Order 1 baton-m1',
      '4 Order 2 baton-m2',
      '3 Order 3 baton-m3',
    ]);
    expect(ctx.logged).toContain('mailing made');
    expect(await store.fetchAnnouncement(1)).toMatchObject({ status: 'done', audience: 'messages' });
    expect(await store.countDeliveries(1)).toMatchObject({ delivered: 4 });
    expect((await tick()).sent).toEqual([]);
    expect(await store.fetchAnnouncement(2)).toBeNull();
  });

  test("a page holds PAGE_SIZE messages, and the next message's id is the cursor", async () => {
    await add(...Array.from({ length: 25 }, () => toMember('ada')));
    const ctx = await tick();
    expect(ctx.invoked).toMatchObject([{ fromId: 0 }, { fromId: 11 }, { fromId: 21 }]);
    expect(ctx.sent).toHaveLength(50);
    expect(await store.countDeliveries(1)).toMatchObject({ delivered: 50 });
    expect(await store.countHops(1)).toEqual({ open: 0, closed: 3 });
  });

  test('a message without a device has one row in the ledger that says so', async () => {
    await add(toMember('nobody'), toDevice(77), toMember('bob'));
    const ctx = await tick();
    expect(ctx.sent).toEqual(['target-3']);
    expect(await verdicts()).toEqual([
      [1, 0, 'NO_DEVICE'],
      [2, 0, 'NO_DEVICE'],
      [3, 3, 'delivered'],
    ]);
    expect(await store.fetchAnnouncement(1)).toMatchObject({ status: 'done' });
  });

  test('content that FCM refuses ends that message alone', async () => {
    await add(toMember('bob'), toDevice(4));
    await tick({ answer: () => outcome('misconfigured', 'INVALID_ARGUMENT') });
    expect(await store.countDeliveries(1)).toMatchObject({ rejected: 2 });
    expect(await store.fetchAnnouncement(1)).toMatchObject({ status: 'done' });
  });

  test('a wrong project stops the mailing after its first chunk, and a resume continues it', async () => {
    await add(...Array.from({ length: 12 }, () => toDevice(4)));
    const failing = await tick({ answer: () => outcome('misconfigured', 'HTTP_403_PERMISSION_DENIED') });
    expect(failing.sent).toHaveLength(4);
    expect(await store.fetchAnnouncement(1)).toMatchObject({ status: 'failed' });
    await store.moveAnnouncement(1, ['failed'], 'running', null);
    const job: BroadcastJob = { kind: 'broadcast', announcementId: 1, round: 0, fromId: 0 };
    const ctx = makeContext(store);
    await runHop(ctx, job);
    await runHop(ctx, { ...job, fromId: 11 });
    expect(ctx.sent).toHaveLength(12);
    expect(await store.countDeliveries(1)).toMatchObject({ delivered: 12, misconfigured: 0 });
  });

  test('a hop that broke off is repeated without what was recorded, even if a device has gone since', async () => {
    await add(toMember('ada'), toDevice(4), toMember('bob'));
    let chunks = 0;
    const breaking = makeContext(store, {
      env: { BATCH_SIZE: '2' },
      beforeSend: () => {
        if (++chunks === 2) throw new Error('killed');
      },
    });
    await scan(breaking);
    const job: BroadcastJob = { kind: 'broadcast', announcementId: 1, round: 0, fromId: 0 };
    await expect(runHop(breaking, job)).rejects.toThrow('killed');
    expect(breaking.sent).toEqual(['target-1', 'target-2']);
    const ctx = makeContext(store);
    expect(await runHop(ctx, job)).toMatchObject({ end: 'done' });
    expect(ctx.sent).toEqual(['target-4', 'target-3']);
  });

  test('what FCM did not take is retried in a round of its own, by message and device', async () => {
    await add(toMember('ada'), toMember('ada'), toMember('bob'));
    const env = { RETRY_MS: '1', MAX_ATTEMPTS: '2' };
    const first = await tick({
      env,
      answer: ({ deviceId, own }) =>
        deviceId === 2 && own?.collapseKey === 'baton-m2' ? outcome('retryable', 'UNAVAILABLE') : delivered,
    });
    expect(first.sent).toHaveLength(5);
    // A retry round reads only its own messages, however far apart their ids are.
    const round = { announcementId: 1, round: 1, fromId: 0 };
    expect(await store.fetchMessageIds(round, null, 10)).toEqual([2]);
    expect((await store.fetchMessages(round, 1000)).map(({ messageId }) => messageId)).toEqual([2]);
    expect([...(await store.fetchLedger(round, 1000)).keys()]).toEqual([2]);
    const ctx = makeContext(store, { env });
    await runHop(ctx, { kind: 'broadcast', announcementId: 1, round: 1, fromId: 0 });
    expect(ctx.sent).toEqual(['target-2']);
    expect(await store.fetchAnnouncement(1)).toMatchObject({ status: 'done' });
    expect(await store.countDeliveries(1)).toMatchObject({ delivered: 5 });
  });

  test('a message is not retried after its time to live', async () => {
    const brief = { ...message(1, toDevice(4)), ttlSeconds: 5 };
    await store.addMessages([brief, message(2, toDevice(4)), message(3, toDevice(1))], Date.now());
    const busy = outcome('retryable', 'UNAVAILABLE');
    await tick({ answer: ({ deviceId }) => (deviceId === 4 ? busy : delivered) });
    expect(await store.countDeliveries(1)).toMatchObject({ rejected: 1, retryable: 1, delivered: 1 });
  });

  test('of two ticks at the same time one makes the mailing, and no message is in two mailings', async () => {
    const other = await openStore(database.config, systemClock);
    await add(...Array.from({ length: 50 }, () => toDevice(4)));
    const made = await Promise.all([
      store.makeMailing('default', 100),
      other.makeMailing('default', 100),
      other.makeMailing('default', 100),
    ]);
    const [run, ...more] = made.filter((id) => id !== null);
    expect(more).toEqual([]);
    expect(await all(run)).toHaveLength(50);
    expect(await store.fetchDue(10)).toEqual([run]);
    await other.close();
  });

  test('more messages than a mailing may have become several mailings, and each source has its own', async () => {
    await add(...Array.from({ length: 5 }, () => toDevice(4)));
    await store.addMessages([{ ...message(6, toDevice(4)), source: 'shop_b' }], 0);
    expect((await store.fetchPendingSources()).toSorted()).toEqual(['default', 'shop_b']);
    const first = await store.makeMailing('default', 3);
    const second = await store.makeMailing('default', 3);
    expect(await store.makeMailing('default', 3)).toBeNull();
    expect(await all(first)).toHaveLength(3);
    expect(await all(second)).toHaveLength(2);
    expect(await store.fetchPendingSources()).toEqual(['shop_b']);
  });
});
