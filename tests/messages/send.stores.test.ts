import type { Outcome } from '../../src/model/delivery.ts';
import type { NewMessage, Recipient } from '../../src/model/message.ts';
import type { Store } from '../../src/store.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { PushError } from '../../src/errors.ts';
import { sendMessages } from '../../src/messages/send.ts';
import {
  delivered,
  devicesOf,
  draft,
  fixedSender,
  makeContext,
  outcome,
  toDevice,
  toMember,
} from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';

describe.each(databaseKinds())('messages sent at once, on %s', (kind) => {
  let database: TestDatabase;
  let store: Store;

  beforeEach(async () => {
    database = await makeDatabase(kind);
    store = await openStore(database.config, systemClock);
    // Devices 1 and 2 are Ada's, 3 is Bob's.
    await store.addDevices(devicesOf('ada', 'ada', 'bob'));
  });
  afterEach(async () => {
    await store.close();
    await database.drop();
  });

  const make = (messageKey: string, recipient: Recipient, title = messageKey): NewMessage => ({
    ...{ messageKey, source: 'default', recipient, ttlSeconds: null },
    content: { ...draft.content, title },
  });

  test('the nth report belongs to the nth message, and has every device of a member', async () => {
    const ctx = makeContext(store, {
      answer: ({ deviceId }) => (deviceId === 2 ? outcome('unregistered', 'UNREGISTERED') : delivered),
    });
    const reports = await sendMessages(ctx, [
      make('a', toDevice(3)),
      make('b', toMember('nobody')),
      make('c', toMember('ada')),
    ]);
    expect(reports).toMatchObject([
      { verdict: 'delivered', retryInMs: null, deliveries: [{ deviceId: 3, messageName: 'm' }] },
      { verdict: 'rejected', reason: 'NO_DEVICE', retryInMs: null },
      {
        verdict: 'delivered',
        deliveries: [
          { deviceId: 1, verdict: 'delivered' },
          { deviceId: 2, verdict: 'unregistered' },
        ],
      },
    ]);
    expect(await store.countDeliveries(0)).toMatchObject({ delivered: 2, unregistered: 1, rejected: 1 });
    expect(await store.fetchPendingSources()).toEqual([]);
  });

  test('the same message is sent once, and its outcome is reported again; another one with its key is not sent', async () => {
    const ctx = makeContext(store);
    const [first] = await sendMessages(ctx, [make('a', toDevice(3))]);
    const [second, third] = await sendMessages(ctx, [
      make('a', toDevice(3), 'other'),
      make('a', toDevice(3)),
    ]);
    expect(second).toMatchObject({ verdict: 'rejected', reason: 'KEY_REUSED', retryInMs: null });
    const [again] = await sendMessages(ctx, [make('a', toDevice(3))]);
    expect(again).toEqual(first);
    expect(third).toMatchObject({ verdict: 'rejected', reason: 'KEY_REUSED' });
    expect(ctx.sent).toEqual(['target-3']);
  });

  test('two messages with one key in one call are one message', async () => {
    const ctx = makeContext(store);
    const reports = await sendMessages(ctx, [
      make('a', toDevice(3)),
      make('b', toDevice(1)),
      make('a', toDevice(3)),
    ]);
    expect(ctx.sent).toEqual(['target-3', 'target-1']);
    expect(reports[2]).toEqual(reports[0]);
  });

  test("what FCM did not take may be sent again at once, and only to the member's device that missed it", async () => {
    const answers: Record<number, Outcome[]> = {
      1: [delivered],
      2: [outcome('retryable', 'UNAVAILABLE'), outcome('unknown', 'TIMEOUT'), delivered],
    };
    const ctx = makeContext(store, { answer: ({ deviceId }) => answers[deviceId]?.shift() ?? delivered });
    const send = async () => (await sendMessages(ctx, [make('a', toMember('ada'))]))[0];
    const first = await send();
    expect(first).toMatchObject({ verdict: 'retryable', reason: 'UNAVAILABLE' });
    expect(first?.retryInMs).toBeGreaterThanOrEqual(10_000);
    expect(await send()).toMatchObject({ verdict: 'unknown', reason: 'TIMEOUT' });
    expect(await send()).toMatchObject({ verdict: 'delivered', retryInMs: null });
    expect(await send()).toMatchObject({ verdict: 'delivered', retryInMs: null });
    expect(ctx.sent).toEqual(['target-1', 'target-2', 'target-2', 'target-2']);
  });

  test('while one invocation sends a message, another reports it as in progress and sends nothing', async () => {
    const [gate, claimed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const beforeSend = (): Promise<void> => {
      claimed.resolve();
      return gate.promise;
    };
    const slow = makeContext(store, { beforeSend });
    const sending = sendMessages(slow, [make('a', toDevice(3))]);
    await claimed.promise;
    const ctx = makeContext(await openStore(database.config, systemClock));
    const [other] = await sendMessages(ctx, [make('a', toDevice(3))]);
    gate.resolve();
    const [own] = await sending;
    expect([own?.verdict, other?.verdict]).toEqual(['delivered', 'in-progress']);
    expect([slow.sent, ctx.sent]).toEqual([['target-3'], []]);
    await ctx.store.close();
  });

  test('many callers at the same time share statements, but no message is sent twice', async () => {
    const ctx = makeContext(store);
    const reports = await Promise.all(
      Array.from({ length: 40 }, (_, nth) =>
        sendMessages(ctx, [make(`k${nth % 20}`, toDevice(((nth % 20) % 3) + 1))]),
      ),
    );
    const verdicts = reports.flat().map(({ verdict }) => verdict);
    expect(verdicts.slice(0, 20).every((verdict) => verdict === 'delivered')).toBe(true);
    expect(verdicts.every((verdict) => verdict === 'delivered' || verdict === 'in-progress')).toBe(true);
    expect(ctx.sent).toHaveLength(20);
    expect(await store.countDeliveries(0)).toMatchObject({ delivered: 20 });
  });

  test('a message whose invocation was killed in mid-send is sent again when its lease is over', async () => {
    const [claim] = await store.claimMessages([make('a', toDevice(3))], 'killed', 60_000);
    expect(claim).toMatchObject({ isMine: true, recorded: new Map() });
    const ctx = makeContext(store);
    const early = await sendMessages(ctx, [make('a', toDevice(3))]);
    expect(early).toMatchObject([{ verdict: 'in-progress' }]);
    expect(early[0]?.retryInMs).toBeGreaterThan(50_000);
    await store.recordMessages([], claim ? [claim] : []);
    expect(await sendMessages(ctx, [make('a', toDevice(3))])).toMatchObject([{ verdict: 'delivered' }]);
    expect(ctx.sent).toEqual(['target-3']);
  });

  test('without enough time nothing is claimed and nothing is sent', async () => {
    const ctx = makeContext(store, { remainingMs: () => 15_000 });
    expect(await sendMessages(ctx, [make('a', toDevice(3))])).toMatchObject([
      { messageId: null, verdict: 'retryable', reason: 'NO_TIME', retryInMs: 0 },
    ]);
    expect(await sendMessages(makeContext(store), [make('a', toDevice(3))])).toMatchObject([
      { verdict: 'delivered' },
    ]);
  });

  test('no message waits longer for the budget than its lease allows: it may be sent again later', async () => {
    const ctx = makeContext(store, { env: { FCM_MESSAGES_PER_MINUTE: '1' } });
    expect(await sendMessages(ctx, [make('a', toDevice(3))])).toMatchObject([{ verdict: 'delivered' }]);
    const { version } = await store.fetchBudget('default', null);
    const [report] = await sendMessages(ctx, [make('b', toDevice(3))]);
    expect(report).toMatchObject({ verdict: 'retryable', reason: 'NO_BUDGET' });
    // Nothing is reserved for it: it would wait behind itself when it is sent again.
    expect((await store.fetchBudget('default', null)).version).toBe(version);
    expect(report?.retryInMs).toBeGreaterThan(30_000);
    expect(ctx.sent).toEqual(['target-3']);
    expect(await sendMessages(makeContext(store), [make('b', toDevice(3))])).toMatchObject([
      { verdict: 'retryable', reason: 'NO_BUDGET' },
    ]);
  });

  test('credentials that fail affect only their source, and the message may be sent again at once', async () => {
    const sources = { FCM_CREDENTIALS_SHOP_B: 'application-default', FCM_PROJECT_ID_SHOP_B: 'b' };
    const ctx = makeContext(store, { env: sources });
    const broken = {
      ...fixedSender({
        send: () => Promise.reject(new PushError('BAD_CREDENTIALS', 'no key')),
        close: async () => {},
      }),
    };
    const senders = {
      of: (source: string) => (source === 'default' ? ctx.senders : broken).of(source),
      check() {},
      close: async () => {},
    };
    const other = { ...make('b', toDevice(1)), source: 'shop_b' };
    expect(await sendMessages({ ...ctx, senders }, [make('a', toDevice(3)), other])).toMatchObject([
      { verdict: 'delivered' },
      { messageId: null, verdict: 'unknown', reason: 'BAD_CREDENTIALS' },
    ]);
    expect(ctx.logged).toContain('messages not sent');
    expect(await sendMessages(ctx, [other])).toMatchObject([{ verdict: 'delivered' }]);
  });

  test('content that FCM refuses ends that message', async () => {
    const ctx = makeContext(store, { answer: () => outcome('misconfigured', 'INVALID_ARGUMENT') });
    expect(await sendMessages(ctx, [make('a', toDevice(3))])).toMatchObject([
      { verdict: 'rejected', reason: 'INVALID_ARGUMENT', retryInMs: null },
    ]);
  });

  test('five hundred messages go out in one call, and an answer that is late holds up no other portion', async () => {
    const all = Promise.withResolvers<void>();
    const ctx = makeContext(store, {
      env: { WINDOW: '300' },
      beforeSend: () => {
        calls++;
        if (calls === 5) all.resolve();
        return calls === 1 ? all.promise : undefined;
      },
    });
    let calls = 0;
    const messages = Array.from({ length: 500 }, (_, nth) => make(`k${nth}`, toDevice((nth % 3) + 1)));
    const reports = await sendMessages(ctx, messages);
    expect(ctx.story).toEqual(Array.from({ length: 5 }, () => 'send 100'));
    expect(new Set(reports.map(({ messageId }) => messageId)).size).toBe(500);
    expect(reports.every(({ verdict }) => verdict === 'delivered')).toBe(true);
  });

  test('two invocations that claim the same messages at the same time share them without overlap', async () => {
    const other = await openStore(database.config, systemClock);
    const messages = Array.from({ length: 50 }, (_, nth) => make(`k${nth}`, toDevice(3)));
    const [mine, theirs] = await Promise.all([
      store.claimMessages(messages, 'a', 60_000),
      other.claimMessages(messages.toReversed(), 'b', 60_000),
    ]);
    const taken = (claims: readonly { isMine: boolean; messageId: number }[]): number[] =>
      claims.filter(({ isMine }) => isMine).map(({ messageId }) => messageId);
    expect(new Set([...taken(mine), ...taken(theirs)]).size).toBe(50);
    expect(taken(mine).length + taken(theirs).length).toBe(50);
    await other.close();
  });
});
