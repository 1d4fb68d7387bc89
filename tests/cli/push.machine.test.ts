import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { writeSandboxCredentials } from '../../src/rehearsal/fcm/credentials.ts';
import { type FcmSandbox, startFcmSandbox } from '../../src/rehearsal/fcm/sandbox.ts';
import { baton, type Finished } from '../support/baton.ts';

let folder: string;
let sandbox: FcmSandbox;
let env: Record<string, string>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'baton-push-'));
  sandbox = await startFcmSandbox();
  env = {
    DATABASE_URL: join(folder, 'baton.db'),
    FCM_ENDPOINT: sandbox.endpoint,
    FCM_PROJECT_ID: 'a-project',
    GOOGLE_APPLICATION_CREDENTIALS: writeSandboxCredentials(folder, sandbox.tokenUrl),
  };
});

afterEach(async () => {
  await sandbox.close();
  rmSync(folder, { recursive: true });
});

function importCsv(text: string): Promise<Finished> {
  const file = join(folder, 'devices.csv');
  writeFileSync(file, text);
  return baton(['import', file], env);
}

const HELLO = ['--title', 'Back at 9', '--body', 'The shop opens late today.'];

test('from an empty folder to a push on every phone: migrate, import, dry run, push', async () => {
  expect(await baton(['migrate'], env)).toEqual({
    status: 0,
    out: 'applied 001-broadcast\napplied 002-guarantee\n',
    err: '',
  });
  expect(await baton(['migrate'], env)).toEqual({ status: 0, out: 'nothing to do\n', err: '' });

  const imported = await importCsv('name,token,fid\nAnn,token-1,\n"Ben, B.",token-2,\nCas,,installation-3\n');
  expect(imported).toEqual({
    status: 0,
    out: '3 rows read, 3 devices added, 0 already there, 0 bad rows\n',
    err: '',
  });
  expect((await importCsv('token\ntoken-1\ntoken-9\n')).out).toBe(
    '2 rows read, 1 devices added, 1 already there, 0 bad rows\n',
  );

  const dry = await baton(['push', ...HELLO, '--dry-run'], env);
  expect(dry.out).toContain('announcement 1 done (dry run');
  expect(sandbox.accepted.size).toBe(0);
  expect(sandbox.stats().validated).toBe(4);

  const pushed = await baton(['push', ...HELLO, '--data', 'page=/today?a=b', '--json'], env);
  expect(JSON.parse(pushed.out)).toMatchObject({ announcementId: 2, status: 'done', delivered: 4, hops: 1 });
  expect(pushed.status).toBe(0);
  expect(Object.fromEntries(sandbox.accepted)).toEqual({
    'token-1': 1,
    'token-2': 1,
    'token-9': 1,
    'installation-3': 1,
  });
});

test('an announcement in the table is pushed by its id, once', async () => {
  await baton(['migrate'], env);
  await importCsv('token\ntoken-1\n');
  const store = await openStore({ kind: 'sqlite', file: env['DATABASE_URL']! }, systemClock);
  const content = { title: 'T', body: 'B', image: null, data: {}, options: {} };
  const id = await store.createAnnouncement({
    source: 'default',
    guarantee: 'at-least-once',
    ttlSeconds: null,
    dryRun: false,
    lanes: 1,
    content,
  });
  await store.close();

  const asked = ['push', '--announcement', String(id)];
  expect((await baton([...asked, '--dry-run'], env)).out).toContain(`announcement ${id + 1} done (dry run`);
  expect((await baton(asked, env)).status).toBe(0);
  expect(sandbox.accepted.get('token-1')).toBe(1);
  const again = await baton(asked, env);
  expect(again.err).toBe(
    `baton push: --announcement: expected one that has not been pushed yet, or --resume for one that was interrupted, got ${id}, which is done\n`,
  );
  expect(again.status).toBe(2);
});

test('bad rows are told by line and left out, and no target is printed', async () => {
  await baton(['migrate'], env);
  const { status, out, err } = await importCsv(
    `token,name\ngood-1,a\n,b\n"two\nlines",c\n${'x'.repeat(600)},d\none,too,many\n\ngood-2,e\n`,
  );
  expect(err).toBe(
    [
      'line 3: token: expected a registration token (or a fid), got nothing',
      'line 5: token: expected 1 to 512 visible ASCII characters, got 9 with others among them',
      'line 6: token: expected 1 to 512 visible ASCII characters, got 600',
      'line 7: expected as many columns as the header, quoted as CSV is, got CSV_RECORD_INCONSISTENT_COLUMNS',
      '',
    ].join('\n'),
  );
  expect(out).toBe('6 rows read, 2 devices added, 0 already there, 4 bad rows\n');
  expect(status).toBe(1);
});

test('import takes the member whose device it is, who then has messages of their own', async () => {
  await baton(['migrate'], env);
  const { err } = await importCsv(`token,member_id\na,ada\nb,ada\nc,\nd,${'x'.repeat(65)}\n`);
  expect(err).toBe('line 5: member_id: expected at most 64 characters, got 65\n');
  const file = new DatabaseSync(env['DATABASE_URL']!);
  file.exec("INSERT INTO push_message (member_id, title, body) VALUES ('ada', 'Ready', 'Come and get it')");
  file.exec("INSERT INTO push_message (device_id, title, body) VALUES (3, 'Yours', 'Too')");
  file.exec("INSERT INTO push_message (device_id, title, body, data) VALUES (3, 'Bad', 'Row', '[1]')");
  expect(() => file.exec("INSERT INTO push_message (title, body) VALUES ('to', 'nobody')")).toThrow('CHECK');
  file.close();
  expect((await baton(['scan'], env)).status).toBe(0);
  expect(Object.fromEntries(sandbox.accepted)).toEqual({ a: 1, b: 1, c: 1 });
  const { out } = await baton(['status', '1', '--json'], env);
  expect(JSON.parse(out)).toMatchObject({ status: 'done', delivered: 3, rejected: 1 });
});

test.each([
  ['no file', ['import'], 'FILE: expected the path of one CSV file, got nothing'],
  [
    'a file that is not there',
    ['import', '/nowhere.csv'],
    'FILE: expected a CSV file that can be read, got ENOENT',
  ],
])('import refuses %s', async (_, args, words) => {
  await baton(['migrate'], env);
  const { status, err } = await baton(args, env);
  expect(err).toContain(words);
  expect(status).toBe(2);
});

test('import refuses a file without a column of targets', async () => {
  await baton(['migrate'], env);
  const { status, err } = await importCsv('name,email\nAnn,a@example.com\n');
  expect(err).toBe(
    'baton import: line 1: expected a header row with a column named token or fid, got 2 other columns\n',
  );
  expect(status).toBe(2);
});

test('a database without tables is told to be migrated', async () => {
  const { status, err } = await importCsv('token\nt\n');
  expect(err).toContain('schema: expected version 1, got 0: run `baton migrate`');
  expect(status).toBe(1);
});

test.each([
  ['nothing', {}, 'FCM_CREDENTIALS: expected a service account (in the Firebase console: Project settings'],
  ['a path to nothing', { FCM_CREDENTIALS: '/nowhere.json' }, 'came /nowhere.json (ENOENT)'],
  [
    'text that is no JSON',
    { FCM_CREDENTIALS: '{"private_key": "hunter2' },
    'expected a service account as a JSON object',
  ],
  ['another JSON', { FCM_CREDENTIALS: '{"type":"x"}' }, 'expected a service account JSON with a project_id'],
])('without credentials (%s) push says what is missing, and writes nothing', async (_, given, words) => {
  await baton(['migrate'], env);
  const { GOOGLE_APPLICATION_CREDENTIALS: __, ...bare } = env;
  const { status, err } = await baton(['push', ...HELLO], { ...bare, ...given });
  expect(err).toContain(words);
  expect(err).not.toContain('hunter2');
  expect(status).toBe(1);
  const store = await openStore({ kind: 'sqlite', file: env['DATABASE_URL']! }, systemClock);
  expect(await store.fetchAnnouncement(1)).toBeNull();
  await store.close();
});

test.each([
  [['push', '--title', 'only'], '--title: expected a title and a --body'],
  [['push', ...HELLO, '--data', 'novalue'], '--data: expected KEY=VALUE, got "novalue"'],
  [['push', ...HELLO, '--image', 'http://x/y.png'], '--image: expected an https address'],
  [['push', '--announcement', '77'], '--announcement: expected the id of a row in push_announcement, got 77'],
  [['push', '--announcement', '1', ...HELLO], '--announcement: expected no --title or --body beside it'],
  [['dance'], 'expected one of'],
])('%j is refused', async (args, words) => {
  await baton(['migrate'], env);
  const { status, err } = await baton(args, env);
  expect(err).toContain(words);
  expect(status).toBe(2);
});

test('every command has its help', async () => {
  const { out } = await baton(['--help']);
  for (const [, name = ''] of out.matchAll(/^ {2}(\w+)/gm)) {
    const help = await baton([name, '--help']);
    expect(help.out).toContain(`baton ${name}`);
    expect(help.out).toContain('--help');
    expect(help.status).toBe(0);
  }
});

test('devices whose app is gone are counted, left out of the next push, and taken back in', async () => {
  await sandbox.close();
  sandbox = await startFcmSandbox({ faults: { unregistered: 1 } });
  env = { ...env, FCM_ENDPOINT: sandbox.endpoint };
  env['GOOGLE_APPLICATION_CREDENTIALS'] = writeSandboxCredentials(folder, sandbox.tokenUrl);
  await baton(['migrate'], env);
  await importCsv('token\ntoken-1\ntoken-2\n');
  expect(JSON.parse((await baton(['push', ...HELLO, '--json'], env)).out)).toMatchObject({ unregistered: 2 });
  expect((await baton(['devices'], env)).out).toBe(
    '0 devices\n2 left out: unregistered, as announcement 1 found\n',
  );
  expect(JSON.parse((await baton(['push', ...HELLO, '--json'], env)).out)).toMatchObject({ unregistered: 0 });
  expect((await baton(['devices', 'restore', '--announcement', '1'], env)).out).toBe(
    '2 devices are pushed to again\n',
  );
  expect(JSON.parse((await baton(['devices', '--json'], env)).out)).toEqual({ devices: 2, unregistered: [] });

  const wrong = await baton(['devices', 'restore'], env);
  expect(wrong.err).toBe("baton devices: --announcement: expected an announcement's id, got nothing\n");
  expect(wrong.status).toBe(2);
});
