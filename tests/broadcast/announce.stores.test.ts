import type { AnnounceJob } from '../../src/job.ts';
import type { Store } from '../../src/store.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { announce, announceSchema } from '../../src/broadcast/announce.ts';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { parseWith } from '../../src/parse.ts';
import { makeContext } from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';

const parse = (event: unknown): AnnounceJob => parseWith(announceSchema, event, 'BAD_EVENT');

test('content is sorted into what the table keeps', () => {
  expect(
    parse({
      title: 'Back at 9',
      body: 'The shop opens late today.',
      image: 'https://example.com/a.png',
      link: 'https://example.com/news',
      data: { screen: 'news' },
      badge: 2,
      ttlSeconds: 3600,
      apns: { payload: { aps: { 'thread-id': 'news' } } },
      source: 'shop_b',
      guarantee: 'at-most-once',
      publishAt: '2026-12-24T18:07:00+01:00',
      idempotencyKey: 'news-42',
    }),
  ).toEqual({
    kind: 'announce',
    source: 'shop_b',
    announcement: {
      guarantee: 'at-most-once',
      dryRun: false,
      lanes: 1,
      ttlSeconds: 3600,
      content: {
        title: 'Back at 9',
        body: 'The shop opens late today.',
        image: 'https://example.com/a.png',
        data: { screen: 'news' },
        options: {
          link: 'https://example.com/news',
          badge: 2,
          apns: { payload: { aps: { 'thread-id': 'news' } } },
        },
      },
    },
    publishAt: Date.UTC(2026, 11, 24, 17, 7),
    idempotencyKey: 'news-42',
  });
});

test.each([
  [{ title: '' }, 'title: expected a title, got ""'],
  [{ body: undefined }, 'body: expected a text, got nothing'],
  [{ image: 'http://x/y.png' }, 'image: expected an https address, got 14 characters'],
  [{ link: 'myapp://home' }, 'link: expected an https address, got 12 characters'],
  [{ data: ['a'] }, 'data: expected an object whose values are text, got a list of 1'],
  [{ data: { n: 1 } }, 'data.n: expected text, got a number'],
  [
    { data: { google_x: 'y' } },
    'data.google_x: expected no key from or message_type, and none that begins with google',
  ],
  [{ badge: 1.5 }, 'badge: expected a whole number, got 1.5'],
  [{ priority: 'urgent' }, 'priority: expected one of normal, high, got 6 characters'],
  [{ analyticsLabel: 'a b' }, 'analyticsLabel: expected 1 to 50 letters, digits or -_.~%, got 3 characters'],
  [{ apns: 'loud' }, `apns: expected an object, as FCM's HTTP v1 API has it, got 4 characters`],
  [{ ttlSeconds: 2_419_201 }, 'ttlSeconds: expected seconds, from 0 to 2419200, got 2419201'],
  [
    { publishAt: '2026-12-24T18:07' },
    'publishAt: expected a time with its zone, such as 2026-12-24T18:07+01:00, got "2026-12-24T18:07"',
  ],
  [{ guarantee: 'twice' }, 'guarantee: expected at-least-once or at-most-once, got 5 characters'],
  [
    { idempotencyKey: 'ключ' },
    'idempotencyKey: expected 1 to 100 visible ASCII characters, got 4 characters',
  ],
  [{ colour: 'red' }, 'colour: expected no such field, got 3 characters'],
])('%j is refused', (change, message) => {
  expect(() => parse({ title: 't', body: 'b', ...change })).toThrow(message);
});

test("a message over FCM's limit in bytes is refused when it is made", () => {
  const body = 'ä'.repeat(1800);
  expect(parse({ title: 't', body }).announcement.content.body).toBe(body);
  expect(() => parse({ title: 't', body: `${body}${body}` })).toThrow(
    /^body: expected a message of at most 4096 bytes in all; this one has 7\d\d\d, got 3600 characters$/,
  );
});

describe.each(databaseKinds())('on %s', (kind) => {
  let database: TestDatabase;
  let store: Store;

  beforeEach(async () => {
    database = await makeDatabase(kind);
    store = await openStore(database.config, systemClock);
  });
  afterEach(async () => {
    await store.close();
    await database.drop();
  });

  const env = { FCM_CREDENTIALS: 'application-default', FCM_PROJECT_ID: 'p' };

  test('an announcement is made once for each idempotency key, and starts at its time', async () => {
    const ctx = makeContext(store, { env });
    const publishAt = new Date(Date.now() - 1000).toISOString();
    const job = parse({ title: 't', body: 'b', idempotencyKey: 'k', publishAt });
    const first = await announce(ctx, job);
    expect(first).toMatchObject({ kind: 'announce', isNew: true, publishAt: Date.parse(publishAt) });
    expect(await announce({ ...ctx, requestId: 'another' }, job)).toEqual({ ...first, isNew: false });
    expect(await store.fetchDue(10)).toEqual([first.announcementId]);
    expect(await store.fetchAnnouncement(first.announcementId)).toMatchObject({
      source: 'default',
      status: 'scheduled',
      content: { title: 't', options: {} },
    });
  });

  test('without a key, a repeat of the same request makes no second announcement, but another request does', async () => {
    const ctx = makeContext(store, { env });
    const job = parse({ title: 't', body: 'b', badge: 0 });
    const { announcementId } = await announce(ctx, job);
    expect(await announce(ctx, job)).toMatchObject({ announcementId, isNew: false });
    const second = await announce({ ...ctx, requestId: 'request-2' }, job);
    expect(second).toMatchObject({ isNew: true });
    expect(second.announcementId).not.toBe(announcementId);
  });

  test('a source that is not configured, or has no credentials, is refused before anything is written', async () => {
    const job = parse({ title: 't', body: 'b', source: 'shop_c' });
    await expect(announce(makeContext(store, { env }), job)).rejects.toThrow(
      'source: expected one of default (each FCM_CREDENTIALS_NAME adds one), got 6 characters',
    );
    const bare = makeContext(store, { env: { FCM_CREDENTIALS: 'nowhere.json' } });
    await expect(announce(bare, parse({ title: 't', body: 'b' }))).rejects.toThrow(
      /^FCM_CREDENTIALS: expected the path or the content of a service account file .* got 12 characters that are the path of no readable file \(ENOENT\)$/,
    );
    expect(await store.fetchAnnouncement(1)).toBeNull();
  });
});
