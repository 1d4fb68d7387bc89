import type { Driver } from '../../src/db/driver.ts';
import type { Store } from '../../src/store.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { moveAnnouncement } from '../../src/broadcast/announcement.ts';
import { runHop } from '../../src/broadcast/hop.ts';
import { scan } from '../../src/broadcast/scan.ts';
import { systemClock } from '../../src/clock.ts';
import type { Addressee } from '../../src/context.ts';
import { openDriver, openStore } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import { firstJob } from '../../src/job.ts';
import type { NewAnnouncement } from '../../src/model/announcement.ts';
import type { Outcome } from '../../src/model/delivery.ts';
import type { NewDevice } from '../../src/model/device.ts';
import type { Notification } from '../../src/model/content.ts';
import { delivered, draft, makeContext, outcome, type TestContext } from '../support/context.ts';
import { databaseKinds, makeDatabase, passTime, type TestDatabase } from '../support/database.ts';

const LOCALES = {
  de: { title: 'Um 9 zurück', body: 'Wir öffnen heute später.' },
  'zh-Hant': { title: '九點回來', body: '今天晚開門', data: { screen: 'zh' } },
  fr: { title: 'De retour à 9 h', body: 'Nous ouvrons plus tard.', link: 'https://example.com/fr' },
};

describe.each(databaseKinds())('what each device gets, on %s', (kind) => {
  let database: TestDatabase;
  let driver: Driver;
  let store: Store;

  beforeEach(async () => {
    database = await makeDatabase(kind);
    driver = openDriver(database.config, systemClock);
    store = await openStore(database.config, systemClock);
  });
  afterEach(async () => {
    await driver.close();
    await store.close();
    await database.drop();
  });

  const add = async (...devices: readonly Partial<NewDevice>[]): Promise<void> => {
    for (const [nth, device] of devices.entries()) {
      await store.registerDevice({ target: `t${nth + 1}`, targetKind: 'token', ...device });
    }
  };

  /** Pushes an announcement to its end, round by round; resolves to what FCM got, by target. */
  async function push(
    announcementId: number,
    answer: (device: Addressee) => Outcome = () => delivered,
  ): Promise<{ got: Map<string, Notification | undefined>; ctx: TestContext }> {
    const got = new Map<string, Notification | undefined>();
    const ctx = makeContext(store, {
      answer: (device) => {
        got.set(device.target, device.own);
        return answer(device);
      },
    });
    ctx.invoked.push(firstJob(announcementId));
    for (let nth = 0; nth < ctx.invoked.length; nth++) {
      const job = ctx.invoked[nth];
      if (job?.kind === 'broadcast') await runHop(ctx, job);
    }
    return { got, ctx };
  }

  const create = (fields: Partial<NewAnnouncement>): Promise<number> =>
    store.createAnnouncement({ ...draft, ...fields });

  test('each device gets the content of its locale, and devices of a locale share it; without locales all get the same', async () => {
    await add(
      { locale: 'de-CH' },
      { locale: 'de' },
      { locale: 'zh-Hant-TW' },
      { locale: 'fr' },
      { locale: 'es' },
      {},
      { locale: 'zh' },
    );
    const { got } = await push(await create({ locales: LOCALES }));
    const titles = [...got].map(([target, own]) => [target, own?.content.title]);
    expect(Object.fromEntries(titles)).toEqual({
      ...{ t1: 'Um 9 zurück', t2: 'Um 9 zurück', t3: '九點回來', t4: 'De retour à 9 h' },
      ...{ t5: 'Hello', t6: 'Hello', t7: 'Hello' },
    });
    expect(got.get('t1')).toBe(got.get('t2'));
    expect(got.get('t5')).toBe(got.get('t7'));
    expect(got.get('t3')?.content.data).toEqual({ screen: 'zh' });
    expect(got.get('t4')?.content.options).toEqual({ link: 'https://example.com/fr' });

    const plain = await push(await create({}));
    expect([...plain.got.values()]).toEqual(Array.from({ length: 7 }, () => undefined));
  });

  test('a template is filled in with the member and the device; who cannot get a text is rejected, and the balance holds', async () => {
    await store.setMember('ada', { nickname: 'Ada', points: 7 });
    await store.setMember('bob', { points: 2 });
    await store.setMember('eve', { nickname: 'x'.repeat(5000), points: 1 });
    await store.setMember('dan', { nickname: null, points: null });
    await add(
      { memberId: 'ada', locale: 'de-CH', platform: 'ios' },
      { memberId: 'ada' },
      { memberId: 'bob' },
      { memberId: 'eve' },
      { memberId: 'dan' },
      { memberId: 'nobody' },
      {},
    );
    const announcementId = await create({
      template: 'liquid',
      content: {
        ...draft.content,
        title: 'Hi {{ nickname | default: "there" }}',
        body: '{{ points }} points{% if device.platform == "ios" %} on iOS{% endif %}',
        data: { member: '{{ member.id }}' },
      },
      locales: {
        de: { title: 'Hallo {{ nickname }}', body: '{{ points }} Punkte auf {{ device.platform }}' },
      },
    });
    const { got, ctx } = await push(announcementId);
    const texts = [...got.values()].map((own) => `${own?.content.title}: ${own?.content.body}`);
    expect(texts).toEqual(['Hallo Ada: 7 Punkte auf ios', 'Hi Ada: 7 points', 'Hi there: 2 points']);
    expect(got.get('t3')?.content.data).toEqual({ member: 'bob' });
    const rejected = await store.fetchDeliveries(
      announcementId,
      'rejected',
      { messageId: 0, deviceId: 0 },
      10,
    );
    expect(rejected.map(({ reason }) => reason)).toEqual([
      'MESSAGE_TOO_BIG',
      ...['TEMPLATE_VARIABLE', 'TEMPLATE_VARIABLE', 'TEMPLATE_VARIABLE'],
    ]);
    expect(ctx.logged).toContain('devices get no message');
    expect(await store.fetchAnnouncement(announcementId)).toMatchObject({ status: 'done' });
    expect(await store.countDeliveries(announcementId)).toMatchObject({ delivered: 3, rejected: 4 });
  });

  test('a retry round sends each device its own message', async () => {
    await add({ locale: 'de' }, { locale: 'fr' }, {});
    const announcementId = await create({ locales: LOCALES });
    const { got } = await push(announcementId, ({ target }) =>
      target === 't3' ? delivered : outcome('retryable', 'UNAVAILABLE'),
    );
    expect(got.size).toBe(3);
    await passTime(database, 3_600_000);
    const again = new Map<string, string | undefined>();
    const ctx = makeContext(store, {
      answer: (device) => {
        again.set(device.target, device.own?.content.title);
        return delivered;
      },
    });
    await scan(ctx);
    for (const job of ctx.invoked) if (job.kind === 'broadcast') await runHop(ctx, job);
    expect(Object.fromEntries(again)).toEqual({ t1: 'Um 9 zurück', t2: 'De retour à 9 h' });
    expect(await store.countDeliveries(announcementId)).toMatchObject({ delivered: 3 });
  });

  test('a template that fails for most of the first page fails the announcement and costs no device its push', async () => {
    await add(...Array.from({ length: 25 }, () => ({})));
    const announcementId = await create({
      template: 'liquid',
      content: { ...draft.content, body: '{{ nickname }}' },
    });
    const { got } = await push(announcementId);
    expect(got.size).toBe(0);
    const failed = await store.fetchAnnouncement(announcementId);
    expect(failed?.status).toBe('failed');
    expect(failed?.statusReason).toBe(
      'template: expected a message for each device, got none for 10 of the first 10 (TEMPLATE_VARIABLE: nickname): ' +
        `\`baton lint ${announcementId}\` says which`,
    );
    expect(await store.countDeliveries(announcementId)).toMatchObject({ rejected: 0 });

    await driver.run(sql`UPDATE push_announcement SET body = '{{ nickname | default: "you" }}'`);
    await store.acceptEdits(announcementId);
    await moveAnnouncement({ store, actor: 'event' }, announcementId, 'resume');
    expect((await push(announcementId)).got.size).toBe(25);
  });

  test('an empty text for most devices may be meant so: they are rejected, and the others get it', async () => {
    await store.setMember('ada', { points: 7 });
    await add({ memberId: 'ada' }, ...Array.from({ length: 19 }, () => ({})));
    const text = '{% if points %}{{ points }} points{% endif %}';
    const content = { ...draft.content, title: text, body: text };
    const announcementId = await create({ template: 'liquid', content });
    await push(announcementId);
    expect(await store.countDeliveries(announcementId)).toMatchObject({ delivered: 1, rejected: 19 });
  });

  test('a row with a wrong template fails before its start', async () => {
    await add({});
    const content = { ...draft.content, body: 'Hi {{ nickname' };
    const locales = { de: { title: '{% include "x" %}', body: '{{ a | nope }}' } };
    const announcementId = await create({ template: 'liquid', content, locales });
    await store.scheduleAnnouncement(announcementId, 0);
    const ctx = makeContext(store);
    await scan(ctx);
    expect(ctx.invoked).toEqual([]);
    const { status, statusReason } = (await store.fetchAnnouncement(announcementId)) ?? {};
    expect(status).toBe('failed');
    expect(statusReason).toBe(
      'body: expected a template in Liquid, got a tag that is not closed in line 1, column 4; ' +
        'locales.de.title: expected a template in Liquid, got an unknown tag, include, in line 1, column 1; ' +
        'locales.de.body: expected a template in Liquid, got an unknown filter, nope, in line 1, column 1',
    );
  });

  test('data alone is read from a row and sent as it is', async () => {
    await add({});
    const content = { ...draft.content, title: '', body: '', data: { sync: '1' } };
    const announcementId = await create({ content });
    await push(announcementId);
    expect(await store.fetchAnnouncement(announcementId)).toMatchObject({ status: 'done', content });
    const empty = await create({ content: { ...content, data: {} } });
    expect(await store.fetchAnnouncement(empty)).toMatchObject({
      content: null,
      problem: 'title: expected a text, or data without a title and a body, got ""',
    });
  });
});
