import type { NewMessage } from '../../src/model/message.ts';
import type { Store } from '../../src/store.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { PushError } from '../../src/errors.ts';
import { sendMessages } from '../../src/messages/send.ts';
import { delivered, draft, madeUpDevices, makeContext, outcome, toDevice } from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';

const TOGETHER = 40;
const ODD = 17;

/** What a database throws that refuses a value of a statement. */
const refusal = (code: string) =>
  new PushError('DATABASE', `database: ${code}`, { cause: Object.assign(new Error(code), { code }) });

describe.each(databaseKinds())('forty messages at the same time, one of them odd, on %s', (kind) => {
  let database: TestDatabase;
  let store: Store;

  beforeEach(async () => {
    database = await makeDatabase(kind);
    store = await openStore(database.config, systemClock);
    await store.addDevices(madeUpDevices(TOGETHER));
  });
  afterEach(async () => {
    await store.close();
    await database.drop();
  });

  const messages = Array.from({ length: TOGETHER }, (_, nth): NewMessage => ({
    ...{ messageKey: `key-${nth + 1}`, source: 'default', recipient: toDevice(nth + 1), ttlSeconds: null },
    content: { ...draft.content, title: nth + 1 === ODD ? 'odd' : 'plain' },
  }));

  /** A store that refuses the odd message, as a database does whose column does not take a value. */
  const refusing = (code: string): Store => ({
    ...store,
    claimMessages: (some, ...rest) =>
      some.some(({ content }) => content.title === 'odd')
        ? Promise.reject(refusal(code))
        : store.claimMessages(some, ...rest),
  });

  test("a reply of FCM that the ledger does not take is that message's alone, and nothing is sent twice", async () => {
    const long = 'X'.repeat(150);
    const ctx = makeContext(
      {
        ...store,
        recordMessages: (deliveries, ...rest) =>
          deliveries.some(({ reason }) => (reason?.length ?? 0) > 100)
            ? Promise.reject(refusal('ER_DATA_TOO_LONG'))
            : store.recordMessages(deliveries, ...rest),
      },
      { answer: ({ deviceId }) => (deviceId === ODD ? outcome('rejected', long) : delivered) },
    );
    const reports = await Promise.all(messages.map((message) => sendMessages(ctx, [message])));
    const verdicts = reports.flat().map(({ verdict }) => verdict);
    expect(verdicts.filter((verdict) => verdict === 'delivered')).toHaveLength(TOGETHER - 1);
    expect(verdicts[ODD - 1]).toBe('rejected');
    // The callers ask again with the same keys.
    await Promise.all(messages.map((message) => sendMessages(ctx, [message])));
    expect(ctx.sent).toHaveLength(TOGETHER);
    expect(await store.countDeliveries(0)).toMatchObject({ delivered: TOGETHER - 1, rejected: 1 });
    expect(await store.fetchDeliveries(0, 'rejected', { messageId: 0, deviceId: 0 }, 10)).toMatchObject([
      { deviceId: ODD, reason: 'UNWRITABLE_REPLY' },
    ]);
  });

  test('a message that the database refuses is rejected, in a call of its own and in one of many', async () => {
    const ctx = makeContext(refusing('ER_DATA_TOO_LONG'), { env: { BATCH_SIZE: '100' } });
    const one = await sendMessages(ctx, messages);
    const many = await Promise.all(messages.map((message) => sendMessages(ctx, [message])));
    for (const reports of [one, many.flat()]) {
      expect(reports).toHaveLength(TOGETHER);
      expect(reports.filter(({ verdict }) => verdict === 'delivered')).toHaveLength(TOGETHER - 1);
      expect(reports[ODD - 1]).toMatchObject({ verdict: 'rejected', reason: 'BAD_MESSAGE', retryInMs: null });
    }
    expect(ctx.sent).toHaveLength(TOGETHER - 1);
  });

  test('a message that the database may take later can be sent again', async () => {
    const ctx = makeContext(refusing('ER_RECORD_FILE_FULL'));
    const reports = await sendMessages(ctx, messages.slice(ODD - 2, ODD + 1));
    expect(reports).toMatchObject([
      { verdict: 'delivered' },
      { verdict: 'unknown', reason: 'DATABASE', retryInMs: 30_000 },
      { verdict: 'delivered' },
    ]);
    expect(await sendMessages(makeContext(store), messages.slice(ODD - 1, ODD))).toMatchObject([
      { verdict: 'delivered' },
    ]);
  });

  test('a database that does not answer is not asked for each message', async () => {
    let calls = 0;
    const ctx = makeContext({
      ...store,
      claimMessages: () => {
        calls++;
        return Promise.reject(refusal('ECONNRESET'));
      },
    });
    const reports = await sendMessages(ctx, messages.slice(0, 4));
    expect(reports.map(({ verdict }) => verdict)).toEqual(['unknown', 'unknown', 'unknown', 'unknown']);
    expect(calls).toBe(1);
  });
});
