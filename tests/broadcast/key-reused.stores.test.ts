import { expect, onTestFinished, test } from 'vitest';
import { announce, announceSchema } from '../../src/broadcast/announce.ts';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { makeProblem } from '../../src/http/problem.ts';
import { makeMessage, messageSchema } from '../../src/messages/parse.ts';
import { sendMessages } from '../../src/messages/send.ts';
import { parseWith } from '../../src/parse.ts';
import { devicesOf, makeContext, type TestContext } from '../support/context.ts';
import { databaseKinds, type DatabaseKind, makeDatabase } from '../support/database.ts';

async function openContext(kind: DatabaseKind): Promise<TestContext> {
  const database = await makeDatabase(kind);
  const store = await openStore(database.config, systemClock);
  onTestFinished(async () => {
    await store.close();
    await database.drop();
  });
  await store.addDevices(devicesOf('anna', 'bert'));
  const ctx = makeContext(store);
  return { ...ctx, senders: { ...ctx.senders, check: () => {} } };
}

test.each(databaseKinds())('a request with the key of another announcement is a 409 (%s)', async (kind) => {
  const ctx = await openContext(kind);
  const request = { title: 'Sale', body: 'Today', idempotencyKey: 'sale', publishAt: '2027-01-01T00:00:00Z' };
  const run = (more: object) =>
    announce(ctx, parseWith(announceSchema, { ...request, ...more }, 'BAD_EVENT'));
  const { announcementId } = await run({});
  expect(await run({ publishAt: null })).toMatchObject({ announcementId, isNew: false });
  const error: unknown = await run({ body: 'Tomorrow' }).catch((cause: unknown) => cause);
  expect(error).toMatchObject({
    code: 'KEY_REUSED',
    problems: [{ field: 'idempotencyKey', got: `another announcement than ${announcementId}` }],
  });
  expect(makeProblem(error, 'r')).toMatchObject({ status: 409, body: { code: 'KEY_REUSED' } });
});

test.each(databaseKinds())(
  'a message with the key of another message is rejected, the others are sent (%s)',
  async (kind) => {
    const ctx = await openContext(kind);
    const message = (idempotencyKey: string, memberId: string, body: string) =>
      makeMessage(
        ctx.config,
        parseWith(messageSchema, { title: 't', body, memberId, idempotencyKey }, 'BAD_EVENT'),
        'x',
      );
    await sendMessages(ctx, [message('order-1', 'anna', 'Ready')]);
    const reports = await sendMessages(ctx, [
      message('order-1', 'anna', 'Ready'),
      message('order-2', 'bert', 'Ready'),
    ]);
    expect(reports.map(({ verdict }) => verdict)).toEqual(['delivered', 'delivered']);
    const later = await sendMessages(ctx, [
      message('order-1', 'bert', 'Ready'),
      message('order-2', 'bert', 'Cancelled'),
      message('order-3', 'bert', 'Ready'),
    ]);
    const reused = { messageId: null, verdict: 'rejected', reason: 'KEY_REUSED', retryInMs: null };
    expect(later).toMatchObject([reused, reused, { verdict: 'delivered' }]);
    expect(ctx.sent).toEqual(['target-1', 'target-2', 'target-2']);
  },
);
