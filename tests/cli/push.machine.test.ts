import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeWorkplace, type Workplace } from '../support/baton.ts';
import { draft } from '../support/context.ts';

let here: Workplace;

beforeEach(async () => {
  here = await makeWorkplace();
});

afterEach(() => here[Symbol.asyncDispose]());

const HELLO = ['--title', 'Back at 9', '--body', 'The shop opens late today.'];

/** One worker: each further one costs a start. */
const PUSH = ['push', ...HELLO, '--workers', '1'];

test('from an empty folder to a push on every phone: migrate, import, dry run, push', async () => {
  expect(await here.baton(['migrate'])).toEqual({
    status: 0,
    out: 'applied 001-broadcast\napplied 002-guarantee\napplied 003-snapshot\napplied 004-retry\napplied 005-spread\napplied 006-summary\napplied 007-alert\napplied 008-aim\napplied 009-notice\n',
    err: '',
  });
  expect(await here.baton(['migrate'])).toEqual({ status: 0, out: 'nothing to do\n', err: '' });

  const imported = await here.importCsv(
    'name,token,fid\nAnn,token-1,\n"Ben, B.",token-2,\nCas,,installation-3\n',
    '--force',
  );
  expect(imported).toEqual({
    status: 0,
    out: '3 rows read, 3 devices added, 0 already there, 0 invalid rows\n',
    err: '',
  });
  expect((await here.importCsv('token\ntoken-1\ntoken-9\n', '--force')).out).toBe(
    '2 rows read, 1 devices added, 1 already there, 0 invalid rows\n',
  );

  const dry = await here.baton([...PUSH, '--dry-run']);
  expect(dry.out).toContain('announcement 1 done (dry run');
  expect(here.sandbox.accepted.size).toBe(0);
  expect(here.sandbox.stats().validated).toBe(4);

  const pushed = await here.baton([...PUSH, '--data', 'page=/today?a=b', '--json']);
  expect(JSON.parse(pushed.out)).toMatchObject({ announcementId: 2, status: 'done', delivered: 4, hops: 1 });
  expect(pushed.status).toBe(0);
  expect(Object.fromEntries(here.sandbox.accepted)).toEqual({
    'token-1': 1,
    'token-2': 1,
    'token-9': 1,
    'installation-3': 1,
  });
});

test('an announcement in the table is pushed by its id, once', async () => {
  const store = await here.openStore();
  await here.importCsv('token\ntoken-1\n', '--force');
  const id = await store.createAnnouncement({
    source: 'default',
    guarantee: 'at-least-once',
    ttlSeconds: null,
    dryRun: false,
    lanes: 1,
    content: { title: 'T', body: 'B', image: null, data: {}, options: {} },
  });

  const push = ['push', '--announcement', String(id), '--workers', '1'];
  expect((await here.baton([...push, '--dry-run'])).out).toContain(`announcement ${id + 1} done (dry run`);
  expect((await here.baton(push)).status).toBe(0);
  expect(here.sandbox.accepted.get('token-1')).toBe(1);
  const again = await here.baton(push);
  expect(again.err).toBe(
    `baton push: --announcement: expected one that has not been pushed yet, or --resume for one that was interrupted, got ${id}, which is done\n`,
  );
  expect(again.status).toBe(2);
});

test('members get messages of their own on the devices that import says are theirs', async () => {
  await here.openStore();
  const { err } = await here.importCsv(`token,member_id\na,ada\nb,ada\nc,\nd,${'x'.repeat(65)}\n`, '--force');
  expect(err).toBe('line 5: member_id: expected at most 64 characters, got 65\n');
  const file = new DatabaseSync(here.env['DATABASE_URL']!);
  file.exec("INSERT INTO push_message (member_id, title, body) VALUES ('ada', 'Ready', 'For pickup')");
  file.exec("INSERT INTO push_message (device_id, title, body) VALUES (3, 'Yours', 'Too')");
  file.exec("INSERT INTO push_message (device_id, title, body, data) VALUES (3, 'Bad', 'Row', '[1]')");
  expect(() => file.exec("INSERT INTO push_message (title, body) VALUES ('to', 'nobody')")).toThrow('CHECK');
  file.close();
  expect((await here.baton(['scan', '--workers', '1'])).status).toBe(0);
  expect(Object.fromEntries(here.sandbox.accepted)).toEqual({ a: 1, b: 1, c: 1 });
  const { out } = await here.baton(['status', '1', '--json']);
  expect(JSON.parse(out)).toMatchObject({ status: 'done', delivered: 3, rejected: 1 });
});

test.each([
  ['nothing', {}, 'FCM_CREDENTIALS: expected a service account (in the Firebase console: Project settings'],
  [
    'a path to nothing',
    { FCM_CREDENTIALS: '/nowhere.json' },
    'got 13 characters that are the path of no readable file (ENOENT)',
  ],
  [
    'text that is no JSON',
    { FCM_CREDENTIALS: '{"private_key": "hunter2' },
    'expected a service account as a JSON object',
  ],
  ['another JSON', { FCM_CREDENTIALS: '{"type":"x"}' }, 'got JSON of another kind'],
])('without credentials (%s) push says what is missing, and writes nothing', async (_, settings, words) => {
  const store = await here.openStore();
  const { status, err } = await here.baton(PUSH, { GOOGLE_APPLICATION_CREDENTIALS: '', ...settings });
  expect(err).toContain(words);
  expect(err).not.toContain('hunter2');
  expect(status).toBe(1);
  expect(await store.fetchAnnouncement(1)).toBeNull();
});

test.each([
  [['push', '--title', 'only'], '--title: expected a title and a --body'],
  [[...PUSH, '--data', 'novalue'], '--data: expected KEY=VALUE, got 7 characters'],
  [[...PUSH, '--image', 'http://x/y.png'], '--image: expected an https address'],
  [[...PUSH, '--analytics-label', '!'], '--analytics-label: expected'],
  [['push', '--announcement', '77'], '--announcement: expected the id of a row in push_announcement, got 77'],
  [[...PUSH, '--announcement', '1'], '--announcement: expected no --title or --body beside it'],
  [[...PUSH, '--at', 'tomorrow'], '--at: expected a time with its zone'],
  [[...PUSH, '--at', '2026-12-24T18:07'], '--at: expected a time with its zone'],
  [[...PUSH, '--ttl', '9999999'], '--ttl: expected seconds, from 0 to 2419200'],
  [[...PUSH, '--resume'], '--resume: expected an unfinished announcement'],
])('%j is refused', async (args, words) => {
  await here.openStore();
  const { status, err } = await here.baton(args);
  expect(err).toContain(words);
  expect(status).toBe(2);
});

test('devices are counted by what they say about themselves, as far as they say it', async () => {
  await using counted = await makeWorkplace();
  const store = await counted.openStore();
  const locales = Array.from({ length: 12 }, (_, nth) => `de-x${String.fromCharCode(97 + nth)}`);
  const make = (nth: number) => ({ target: `t-${nth}`, targetKind: 'token' as const });
  await store.addDevices([
    ...locales.map((locale, nth) => ({ ...make(nth), locale, platform: 'ios' as const })),
    { ...make(12), locale: 'fr', timeZone: 'Europe/Paris', isTest: true },
    { ...make(13), locale: 'fr' },
    make(14),
  ]);
  const listed = locales.slice(0, 8).map((locale) => `${locale} 1`);
  expect((await counted.baton(['devices'])).out).toBe(
    `15 devices\ntargets: 15 tokens, 0 FIDs (0%)\nby platform: ios 12, not known 3\nby locale: fr 2, not known 1, ${listed.join(', ')}, and 4 more locales\n` +
      'with a time zone: 1\ntest devices: 1\n',
  );
  const device = { ...make(12), lastSeenAt: Date.UTC(2026, 10, 1), tags: { plan: 'pro', 'a\nb': '1' } };
  await store.addDevices([{ ...device, platform: 'web', appVersion: '4.2' }]);
  const { out } = await counted.baton(['explain', 'device', '13']);
  expect(out).toContain(
    '\nit says: web, fr, Europe/Paris, app 4.2, last seen 2026-11-01 00:00:00 UTC, a test device, tags a b=1 plan=pro\n',
  );
  expect(JSON.parse((await counted.baton(['explain', 'device', '13', '--json'])).out)).toMatchObject({
    devices: [
      { platform: 'web', isTest: true, lastSeenAt: '2026-11-01T00:00:00.000Z', tags: { plan: 'pro' } },
    ],
  });
});

test('devices whose app is gone are counted, left out of the next push, and restored', async () => {
  await using gone = await makeWorkplace({ faults: { unregistered: 1 } });
  await gone.openStore();
  await gone.importCsv('token\ntoken-1\ntoken-2\n', '--force');
  expect(JSON.parse((await gone.baton([...PUSH, '--json'])).out)).toMatchObject({ unregistered: 2 });
  expect((await gone.baton(['devices'])).out).toBe(
    '0 devices\n2 left out: found unregistered by announcement 1\n',
  );
  expect(JSON.parse((await gone.baton([...PUSH, '--json'])).out)).toMatchObject({ unregistered: 0 });
  expect((await gone.baton(['devices', 'restore', '--announcement', '1'])).out).toBe('2 devices restored\n');
  expect(JSON.parse((await gone.baton(['devices', '--json'])).out)).toEqual({
    ...{ targets: { token: 2, fid: 0 }, trend: [] },
    ...{ devices: 2, unregistered: [], byPlatform: [{ platform: null, devices: 2 }] },
    ...{ targets: { token: 2, fid: 0 }, trend: [] },
    ...{ byLocale: [{ locale: null, devices: 2 }], locales: 0, withTimeZone: 0, test: 0, canaries: 0 },
  });

  const missing = await gone.baton(['devices', 'restore', '--announcement', '77']);
  expect(missing).toMatchObject({ status: 2, err: expect.stringContaining('push_announcement, got 77') });
  const wrong = await gone.baton(['devices', 'restore']);
  expect(wrong.err).toBe("baton devices: --announcement: expected an announcement's id, got nothing\n");
  expect(wrong.status).toBe(2);
});

test('--to sends the message to a few devices only: of an announcement, or of a text that becomes none', async () => {
  const store = await here.openStore();
  await here.importCsv('token,member_id\ntoken-1,ada\ntoken-2,\ntoken-3,\n', '--force');
  const file = new DatabaseSync(here.env['DATABASE_URL']!);
  file.exec('UPDATE push_device SET is_test = 1 WHERE device_id = 2');

  const text = await here.baton(['push', ...HELLO, '--to', 'test', '--to', 'member:ada']);
  expect(text).toMatchObject({ status: 0, err: '' });
  expect(text.out).toMatch(
    /^test of a text that is no announcement, to 2 devices\n {2}device 1: FCM accepted it as .*\n {2}device 2: FCM accepted it as .*\n$/,
  );
  expect(Object.fromEntries(here.sandbox.accepted)).toEqual({ 'token-1': 1, 'token-2': 1 });
  expect(await store.fetchLatest(10)).toEqual([]);
  expect(file.prepare('SELECT DISTINCT test_of, title FROM push_message').all()).toEqual([
    { test_of: 0, title: 'Back at 9' },
  ]);
  file.close();

  const id = await store.createAnnouncement(draft);
  const announced = ['push', '--announcement', String(id), '--to', 'token-3', '--json'];
  const dry = JSON.parse((await here.baton([...announced, '--dry-run'])).out) as object;
  expect(dry).toMatchObject({ announcementId: id, dryRun: true, sends: [{ says: 'FCM would accept it' }] });
  expect(here.sandbox.stats().validated).toBe(1);
  const real = JSON.parse((await here.baton(announced)).out) as object;
  expect(real).toMatchObject({
    announcementId: id,
    dryRun: false,
    sends: [{ deviceId: 3, verdict: 'delivered' }],
  });
  expect((await store.fetchAnnouncement(id))?.status).toBe('draft');
  expect((await here.baton(['explain', 'device', '3'])).out).toContain(
    `test of announcement ${id}: FCM accepted`,
  );
});

test('a test send that FCM refuses is said in words, and the exit status is 1', async () => {
  await using gone = await makeWorkplace({ faults: { unregistered: 1 } });
  await gone.openStore();
  await gone.importCsv('token\ntoken-1\n', '--force');
  const { status, out } = await gone.baton(['push', ...HELLO, '--to', 'device:1']);
  expect(status).toBe(1);
  expect(out).toContain('device 1: unregistered: the app is gone from the device');
});

test.each([
  [['--to', '42'], '--to: expected a token, device:ID, member:ID or test, got "42"'],
  [['--to', 'test', '--at', '2126-01-01T00:00Z'], '--to: expected no --at beside it, got both'],
  [['--to', 'test', '--resume'], '--to: expected no --resume beside it, got both'],
  [['--to', 'a-secret-token'], 'to.0: expected a device in push_device (register it by POST /devices'],
])('push %s is refused', async (args, words) => {
  await here.openStore();
  const { status, err } = await here.baton(['push', ...HELLO, ...args]);
  expect(err).toContain(words);
  expect(err).not.toContain('secret');
  expect(status).toBe(words.startsWith('to.0') ? 1 : 2);
  expect(here.sandbox.accepted.size).toBe(0);
});
