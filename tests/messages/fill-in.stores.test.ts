import type { Addressee } from '../../src/context.ts';
import type { NewMessage, Recipient } from '../../src/model/message.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { resumeAnnouncement } from '../../src/broadcast/announcement.ts';
import { runHop } from '../../src/broadcast/hop.ts';
import { scan } from '../../src/broadcast/scan.ts';
import { systemClock } from '../../src/clock.ts';
import type { Driver } from '../../src/db/driver.ts';
import { openDriver, openStore } from '../../src/db/open.ts';
import { sendMessages } from '../../src/messages/send.ts';
import type { Attributes } from '../../src/model/member.ts';
import { NO_CONTENT } from '../../src/model/message-template.ts';
import type { Store } from '../../src/store.ts';
import { delivered, devicesOf, draft, makeContext, outcome, toDevice, toMember } from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';

const READY = {
  content: { ...draft.content, title: 'Hi {{ nickname }}', body: 'Order {{ order }}' },
  ttlSeconds: 60,
  locales: { de: { title: 'Hallo {{ nickname }}', body: 'Bestellung {{ order }}' } },
};

describe.each(databaseKinds())('messages that name a template, on %s', (kind) => {
  let database: TestDatabase;
  let store: Store;
  let driver: Driver;

  beforeEach(async () => {
    database = await makeDatabase(kind);
    store = await openStore(database.config, systemClock);
    driver = openDriver(database.config, systemClock);
    // Devices 1 and 2 are Ada's, 3 is Bob's.
    await store.addDevices(
      devicesOf('ada', 'ada', 'bob').map((each, nth) => (nth === 1 ? { ...each, locale: 'de' } : each)),
    );
    await store.setMember('ada', { nickname: 'Ada' });
    await store.setTemplate('ready', READY);
  });
  afterEach(async () => {
    await driver.close();
    await store.close();
    await database.drop();
  });

  const make = (
    messageKey: string,
    recipient: Recipient,
    variables: Attributes = { order: 7 },
    name = 'ready',
  ) =>
    ({
      ...{ messageKey, source: 'default', recipient, content: NO_CONTENT, ttlSeconds: null },
      template: { name, variables },
    }) satisfies NewMessage;

  const listen = () => {
    const got: string[] = [];
    const answer = ({ deviceId, own }: Addressee) => {
      got.push(
        `${deviceId} ${own?.content.title}, ${own?.content.body}, ${own?.ttlSeconds}, ${own?.collapseKey}`,
      );
      return delivered;
    };
    return { got, answer };
  };

  test('each device gets it in its locale, with the attributes of its member and the variables over them', async () => {
    const { got, answer } = listen();
    const ctx = makeContext(store, { answer });
    const [report] = await sendMessages(ctx, [make('a', toMember('ada'))]);
    await sendMessages(ctx, [make('b', toDevice(1), { order: 8, nickname: 'You' })]);
    expect(report).toMatchObject({ verdict: 'delivered', deliveries: [{ deviceId: 1 }, { deviceId: 2 }] });
    expect(got).toEqual([
      '1 Hi Ada, Order 7, 60, baton-m1',
      '2 Hallo Ada, Bestellung 7, 60, baton-m1',
      '1 Hi You, Order 8, 60, baton-m2',
    ]);
  });

  test('the same key with other variables or another template is not sent again', async () => {
    const ctx = makeContext(store);
    await sendMessages(ctx, [make('a', toDevice(1))]);
    expect(await sendMessages(ctx, [make('a', toDevice(1))])).toMatchObject([{ verdict: 'delivered' }]);
    const { template: _, ...plain } = make('a', toDevice(1));
    for (const other of [
      make('a', toDevice(1), { order: 8 }),
      make('a', toDevice(1), { order: 7 }, 'other'),
      { ...plain, content: draft.content },
    ]) {
      expect(await sendMessages(ctx, [other])).toMatchObject([{ reason: 'KEY_REUSED' }]);
    }
    expect(ctx.sent).toEqual(['target-1']);
  });

  test.each([
    ['is removed', 'NO_TEMPLATE', () => store.removeTemplate('ready')],
    [
      'gains a variable',
      'TEMPLATE_VARIABLE',
      () => store.setTemplate('ready', { ...READY, content: { ...READY.content, body: '{{ gone }}' } }),
    ],
  ])('what a mailing has left open is refused if its template %s meanwhile', async (_name, reason, edit) => {
    await store.addMessages([make('a', toMember('bob'), { order: 7, nickname: 'Bob' })], Date.now() - 1000);
    const ctx = makeContext(store, { answer: () => outcome('misconfigured', 'THIRD_PARTY_AUTH_ERROR') });
    await scan(ctx);
    const [job] = ctx.invoked;
    if (job?.kind !== 'broadcast') throw new Error('expected a mailing');
    await runHop(ctx, job);
    const { announcementId } = job;
    expect(await store.countDeliveries(announcementId)).toMatchObject({ misconfigured: 1 });
    await edit();
    await resumeAnnouncement(ctx, announcementId, { acceptEdits: false, acceptUnregistered: false });
    await runHop(makeContext(store), job);
    expect(await store.fetchAnnouncement(announcementId)).toMatchObject({ status: 'done' });
    const rejected = await store.fetchDeliveries(
      announcementId,
      'rejected',
      { messageId: 0, deviceId: 0 },
      9,
    );
    expect(rejected).toEqual([{ messageId: 1, deviceId: 3, reason }]);
    expect(await store.countDeliveries(announcementId)).toMatchObject({ misconfigured: 0, rejected: 1 });
  });

  test('a template that is missing, cannot be read or cannot be filled in rejects the message, and no other', async () => {
    await driver.run({
      sql: "INSERT INTO push_template (name, title, body) VALUES ('broken', 'Hi {{ x', 'B'), ('empty', '', '')",
      values: [],
    });
    const { got, answer } = listen();
    const ctx = makeContext(store, { answer });
    const reports = await sendMessages(ctx, [
      make('a', toMember('ada'), {}, 'none'),
      make('b', toDevice(1), {}, 'broken'),
      make('c', toDevice(1), {}, 'empty'),
      make('d', toDevice(3)),
      make('e', toMember('ada'), JSON.parse('{"order": 7, "__proto__": 5}') as Attributes),
    ]);
    expect(reports.map(({ verdict, reason, retryInMs }) => [verdict, reason, retryInMs])).toEqual([
      ['rejected', 'NO_TEMPLATE', null],
      ['rejected', 'NO_TEMPLATE', null],
      ['rejected', 'NO_TEMPLATE', null],
      ['rejected', 'TEMPLATE_VARIABLE', null],
      ['delivered', null, null],
    ]);
    expect(got).toHaveLength(2);
    expect(await store.countDeliveries(0)).toMatchObject({ rejected: 4, delivered: 2 });
  });

  test('rows of a mailing may name a template; variables that are no object are refused', async () => {
    const add = (key: string, columns: string, ...values: string[]) =>
      driver.run({
        sql: `INSERT INTO push_message (message_key, title, body, member_id, template${columns}) VALUES ('${key}', '', '', ?, ?${values.length > 2 ? ', ?' : ''})`,
        values,
      });
    await add('a', ', variables', 'ada', 'ready', '{"order": 9}');
    await add('b', ', variables', 'ada', 'ready', '[1]');
    await add('c', '', 'bob', 'none');
    const { got, answer } = listen();
    const ctx = makeContext(store, { answer });
    await scan(ctx);
    await runHop(ctx, { kind: 'broadcast', announcementId: 1, round: 0, fromId: 0 });
    expect(new Set(got.map((each) => each.split(',')[0]))).toEqual(new Set(['1 Hi Ada', '2 Hallo Ada']));
    const ledger = [...(await store.fetchLedger({ announcementId: 1, round: 0, fromId: 0 }, 1000)).values()];
    expect(ledger.map((rows) => [...rows.values()].map(({ reason, verdict }) => reason ?? verdict))).toEqual([
      ['delivered', 'delivered'],
      ['BAD_CONTENT'],
      ['NO_TEMPLATE'],
    ]);
    expect(await store.fetchAnnouncement(1)).toMatchObject({ status: 'done' });
  });

  test('a template is set, replaced and deleted by its name', async () => {
    await store.setTemplate('ready', { ...READY, locales: null, ttlSeconds: null });
    expect(await store.fetchTemplates(['ready', 'none'])).toEqual(
      new Map([['ready', { ...READY, locales: null, ttlSeconds: null }]]),
    );
    expect(await store.removeTemplate('ready')).toBe(true);
    expect(await store.removeTemplate('ready')).toBe(false);
  });
});
