import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDriver } from '../../../src/db/open.ts';
import { sql } from '../../../src/db/sql.ts';
import { firstJob } from '../../../src/job.ts';
import { sendMessages } from '../../../src/messages/send.ts';
import type { NewMessage, Recipient } from '../../../src/model/message.ts';
import { describeDevices } from '../../../src/report/explain/device-text.ts';
import { explainDevices } from '../../../src/report/explain/device.ts';
import { describeExplanation, explainAnnouncement } from '../../../src/report/explain/explain.ts';
import type { Store } from '../../../src/store.ts';
import { makeTestClock, type TestClock } from '../../support/clock.ts';
import {
  delivered,
  devicesOf,
  draft,
  madeUpDevices,
  makeContext,
  outcome,
  toDevice,
  toMember,
} from '../../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../../support/database.ts';
import { makeFaultyLambda } from '../../support/faulty-lambda.ts';
import { openTimedStore } from '../../support/timed-store.ts';

const GONE = 'target-5';
const BUSY = 'target-6';

describe.each(databaseKinds())('explain (%s)', (kind) => {
  let database: TestDatabase;
  let clock: TestClock;
  let store: Store;

  beforeEach(async () => {
    clock = makeTestClock({ isEager: true });
    database = await makeDatabase(kind);
    store = openTimedStore(database.config, clock);
  });
  afterEach(async () => {
    await store.close();
    await database.drop();
  });

  /** Sends an announcement to all devices; resolves to its id. */
  async function broadcast(title: string): Promise<number> {
    const announcementId = await store.createAnnouncement({ ...draft, content: { ...draft.content, title } });
    const lambda = makeFaultyLambda(store, clock, {
      env: { MAX_ATTEMPTS: '1' },
      answerOf: ({ target }) => {
        if (target === GONE) return outcome('unregistered', 'UNREGISTERED');
        return target === BUSY ? outcome('retryable', 'UNAVAILABLE') : delivered;
      },
    });
    await lambda.start(firstJob(announcementId));
    await clock.advance(1000);
    return announcementId;
  }

  test('a device is explained by what it was sent, or why it was not, and never by its target; and the ledger is counted', async () => {
    await store.addDevices(madeUpDevices(30).map((device) => ({ ...device, memberId: 'member-1' })));
    await broadcast('First');
    await clock.advance(5000);
    const lateId = await store.registerDevice({ target: 'late-target', targetKind: 'token' });
    await broadcast('Second');
    await store.removeDevice('target-7');

    const says = async (deviceId: number) =>
      (await explainDevices({ store }, { kind: 'id', deviceId })).flatMap(({ encounters }) =>
        encounters.map((each) => each.says),
      );
    expect(await says(1)).toEqual(['FCM accepted it as m', 'FCM accepted it as m']);
    expect(await says(5)).toEqual([
      expect.stringContaining('not in the audience: it was unregistered since 2026-01-01') as string,
      'unregistered: the app is gone from the device, or the target has expired (UNREGISTERED)',
    ]);
    expect((await says(6))[0]).toBe('rejected: FCM was overloaded or down (UNAVAILABLE)');
    expect(await says(7)).toEqual(['FCM accepted it as m', 'FCM accepted it as m']);
    expect(await says(lateId)).toEqual([
      'FCM accepted it as m',
      'not in the audience: it registered after the start (its id is beyond 30, the last of the audience)',
    ]);

    const text = describeDevices([
      ...(await explainDevices({ store }, { kind: 'target', target: GONE })),
      ...(await explainDevices({ store }, { kind: 'id', deviceId: 7 })),
    ]);
    expect(text).toContain('device 5 of a member');
    expect(text).toContain('it gets no pushes since 2026-01-01');
    expect(text).toContain('(UNREGISTERED, found by announcement 1)');
    expect(text).toContain('device 7 is deleted');
    expect(text).not.toContain('target-');
    expect(text).not.toContain('member-1');
    expect(await explainDevices({ store }, { kind: 'member', memberId: 'member-1' })).toHaveLength(20);
    await expect(explainDevices({ store }, { kind: 'target', target: 'wrong' })).rejects.toThrow(
      'device: expected the id, the target or the member (member:ID) of a row in push_device, got a target without a device',
    );
    await expect(explainDevices({ store }, { kind: 'id', deviceId: 999 })).rejects.toMatchObject({
      code: 'NO_SUCH_DEVICE',
    });

    // A row that another hand has deleted is found with its page.
    const announcementId = 1;
    const pace = { perMinute: 600_000, rampMs: 0 };
    const before = await explainAnnouncement({ store, clock }, announcementId, () => ({ pace }));
    expect(before.proof).toMatchObject({ problems: [], pages: 2, lanes: 1 });
    const driver = openDriver(database.config, clock);
    await driver.run(sql`DELETE FROM push_delivery WHERE device_id = 30`);
    await driver.close();
    const after = await explainAnnouncement({ store, clock }, announcementId, () => ({ pace }));
    expect(after.proof?.problems[0]).toBe(
      'delivered: 27 rows in the ledger, 28 counted by the hops; pages that begin at 21 (10 pushes, 9 rows)',
    );
  });

  test('a device is explained by the messages to it and to its member too: at once, in a mailing, or still to come', async () => {
    await store.addDevices(devicesOf('ada', 'ada', 'bob'));
    const make = (messageKey: string, recipient: Recipient): NewMessage => ({
      ...{ messageKey, source: 'default', recipient, ttlSeconds: null },
      content: { ...draft.content, title: 'a secret text' },
    });
    const ctx = makeContext(store, {
      clock,
      answer: ({ deviceId }) => (deviceId === 2 ? outcome('unregistered', 'UNREGISTERED') : delivered),
    });
    await sendMessages(ctx, [make('key-1', toMember('ada')), make('key-2', toDevice(3))]);
    await store.addMessages([make('key-3', toMember('ada')), make('key-4', toDevice(1))], clock.now());
    const mailing = await store.makeMailing('default', 1);
    await clock.advance(1000);
    const lateId = await store.registerDevice({ ...madeUpDevices(1)[0]!, target: 'late', memberId: 'ada' });

    const explained = async (deviceId: number) => {
      const [device] = await explainDevices({ store }, { kind: 'id', deviceId });
      return device?.messages.map(({ messageId, announcementId, says }) => [messageId, announcementId, says]);
    };
    const waits = 'not sent yet: it waits for its time, 2026-01-01 00:00:00 UTC';
    const open = 'not sent to it yet, or the device did not belong to the member then';
    expect(await explained(1)).toEqual([
      [4, null, waits],
      [3, mailing, open],
      [1, 0, 'FCM accepted it as m'],
    ]);
    expect((await explained(2))?.at(-1)?.[2]).toMatch(/^unregistered: the app is gone .*\(UNREGISTERED\)$/);
    expect(await explained(3)).toEqual([[2, 0, 'FCM accepted it as m']]);
    expect((await explained(lateId))?.at(-1)?.[2]).toBe(
      'not sent to it: it registered after the time of the message',
    );
    const text = describeDevices(await explainDevices({ store }, { kind: 'member', memberId: 'ada' }));
    expect(text).toContain('3 messages to it or to its member');
    expect(text).toMatch(/2026-01-01 00:00:00 {2}message 1, at once: FCM accepted it as m/);
    expect(text).not.toMatch(/secret|key-|ada/);

    await store.removeDevice('target-3');
    expect(await explained(3)).toEqual([[2, 0, 'FCM accepted it as m']]);
  });

  if (kind !== 'sqlite') return;

  test('a device that the audience leaves out is told the conditions, not that it was unregistered or came later', async () => {
    const traits = { platform: 'android' as const };
    await store.addDevices(madeUpDevices(5).map((device) => ({ ...device, ...traits })));
    const filter = { platform: ['web' as const] };
    const announcementId = await store.createAnnouncement({ ...draft, filter });
    await makeFaultyLambda(store, clock, { delivers: () => true }).start(firstJob(announcementId));
    const [device] = await explainDevices({ store }, { kind: 'id', deviceId: 3 });
    expect(device?.encounters.map(({ says }) => says)).toEqual([
      'not in the audience, which is for web: that does not hold for it now',
    ]);
    await store.registerDevice({ target: madeUpDevices(3)[2]!.target, platform: 'web' });
    const [since] = await explainDevices({ store }, { kind: 'id', deviceId: 3 });
    expect(since?.encounters[0]?.says).toBe(
      'not in the audience: when its page was read, it was unregistered, the conditions did not hold for it, or its ' +
        'phone gets the push through the row of its FID',
    );
  });

  test('a device whose page is not sent yet is told so', async () => {
    await store.addDevices(madeUpDevices(50));
    const announcementId = await store.createAnnouncement(draft);
    const lambda = makeFaultyLambda(store, clock, { delivers: ({ nth }) => nth <= 1 });
    await lambda.start(firstJob(announcementId));
    const [unsent] = await explainDevices({ store }, { kind: 'id', deviceId: 45 });
    expect(unsent?.encounters.map(({ says }) => says)).toEqual(['not sent yet: its page has not been read']);
    await store.moveAnnouncement(announcementId, ['running'], 'cancelled', null, 'cli:anna');
    const [device] = await explainDevices({ store }, { kind: 'id', deviceId: 45 });
    expect(device?.encounters[0]?.says).toBe(
      'not sent yet: the announcement is cancelled, and its page has not been sent',
    );
    const explanation = await explainAnnouncement({ store, clock }, announcementId, () => ({
      pace: { perMinute: 600_000, rampMs: 0 },
    }));
    expect(explanation).toMatchObject({ code: 'cancelled' });
    expect(describeExplanation(explanation)).toContain('cancelled by cli:anna at 2026-01-01');
  });

  test('an announcement that has not started says why, and what starts it', async () => {
    const pace = { perMinute: 600_000, rampMs: 0 };
    const explain = (id: number) => explainAnnouncement({ store, clock }, id, () => ({ pace }));
    const draftId = await store.createAnnouncement(draft);
    expect(await explain(draftId)).toMatchObject({ code: 'not-scheduled', use: null, proof: null });
    const { announcementId } = await store.createAnnouncementOnce(draft, 'key', clock.now() + 60_000);
    expect(await explain(announcementId)).toMatchObject({ code: 'not-due' });
    await clock.advance(120_000);
    const late = await explain(announcementId);
    expect(late).toMatchObject({ code: 'no-tick' });
    expect(late.cause).toContain('the schedule has never ticked');
    const driver = openDriver(database.config, clock);
    await driver.run(sql`UPDATE push_announcement SET publish_at = NULL, status = 'scheduled'`);
    await driver.close();
    expect(await explain(announcementId)).toMatchObject({
      cause: 'it is scheduled for no time: its column publish_at is NULL',
    });
    await expect(explain(77)).rejects.toMatchObject({ code: 'NO_SUCH_ANNOUNCEMENT' });
  });
});
