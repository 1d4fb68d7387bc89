import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseEnv } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Ask, Interrupted, type Question } from '../../src/cli/ask.ts';
import { checkDatabase, databaseSettings } from '../../src/cli/init-checks.ts';
import { setUp } from '../../src/cli/init.ts';
import { batonHere, makeTerminal, makeWorkplace, type Workplace } from '../support/baton.ts';
import { databaseKinds, makeDatabase } from '../support/database.ts';
import { makeToken } from '../support/targets.ts';

let here: Workplace;

beforeEach(async () => {
  here = await makeWorkplace();
});

afterEach(() => here[Symbol.asyncDispose]());

/** Path of a file in the workplace. */
const at = (name: string): string => join(here.folder, name);

/** Writes a service account key with a private key of its own; resolves to its path. */
function writeKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const account = {
    type: 'service_account',
    project_id: 'shop-prod',
    client_email: 'baton@shop-prod.iam.gserviceaccount.com',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  };
  writeFileSync(at('key.json'), JSON.stringify(account));
  return at('key.json');
}

const CTRL_C = Symbol('Ctrl-C');

/** Answers the questions in order; keeps everything that is said. */
function answer(...answers: readonly (string | boolean | typeof CTRL_C)[]) {
  const said: string[] = [];
  const left = [...answers];
  const next = (message: string): string | boolean => {
    said.push(`? ${message}`);
    const each = left.shift();
    if (each === undefined) throw new Error(`no answer to ${message}`);
    if (typeof each === 'symbol') throw new Interrupted();
    return each;
  };
  const ask: Ask = {
    async text({ message, check }) {
      for (;;) {
        const text = String(next(message));
        const { isValid, says } = await check(text);
        said.push(`${isValid ? 'found' : 'wrong'}: ${says}`);
        if (isValid) return text;
      }
    },
    confirm: async (message) => next(message) === true,
    title: (text) => said.push(text),
    say: (text) => said.push(text),
    warn: (text) => said.push(`warning: ${text}`),
    end: (text) => said.push(text),
  };
  return { ask, said, left };
}

const settingsOf = () => parseEnv(readFileSync(at('.env'), 'utf8'));

test('five answers make a private .env, tables and devices, and the sixth a dry run', async () => {
  const key = writeKey();
  writeFileSync(at('devices.csv'), `token,member_id\n${makeToken('t-1')},ada\n${makeToken('t-2')},\n`);
  const { ask, said } = answer(at('new.db'), key, 'shop', '120000', at('devices.csv'), false);
  const terminal = makeTerminal({ folder: here.folder });
  expect(await setUp(ask, terminal)).toBe(0);
  expect(settingsOf()).toEqual({
    DATABASE_URL: at('new.db'),
    FCM_CREDENTIALS: key,
    FCM_SOURCE: 'shop',
    FCM_MESSAGES_PER_MINUTE: '120000',
  });
  expect(statSync(at('.env')).mode & 0o777).toBe(0o600);
  expect(said.filter((each) => each.startsWith('?'))).toHaveLength(6);
  expect(said).toContain('found: a new SQLite file will be made');
  expect(said).toContain('found: Firebase project shop-prod');
  expect(said).toContain('found: 120,000 messages per minute');
  expect(said).toContain('found: the first row is a token with a member id');
  expect(said).toContain('2 rows read, 2 devices added, 0 already there, 0 invalid rows');
  expect(said.join('\n')).not.toMatch(/t-1|PRIVATE KEY/);
  const devices = await batonHere(['devices', '--json'], {}, makeTerminal({ folder: here.folder }));
  expect(JSON.parse(devices.out)).toMatchObject({ devices: 2 });
});

test('a yes to the sixth question makes a dry run, and a failed one is reported', async () => {
  const { DATABASE_URL: _, ...env } = here.env;
  writeFileSync(at('devices.csv'), `token\n${makeToken('t-1')}\n${makeToken('t-2')}\n`);
  const terminal = makeTerminal({ folder: here.folder, env });
  process.env['GOOGLE_APPLICATION_CREDENTIALS'] = env['GOOGLE_APPLICATION_CREDENTIALS'];
  const yes = answer(at('new.db'), '', 'default', '600000', at('devices.csv'), true);
  expect(await setUp(yes.ask, terminal)).toBe(0);
  expect(yes.said).toContain('found: the credentials of GOOGLE_APPLICATION_CREDENTIALS');
  expect(yes.said.at(-2)).toContain('Try it with a dry run for 2 devices?');
  expect(terminal.printed.out).toContain('announcement 1 done (dry run');
  expect(here.sandbox.stats()).toMatchObject({ accepted: 0, validated: 2 });

  const refused = answer(true, at('new.db'), '', 'default', '600000', '', true);
  const withoutProject = makeTerminal({ folder: here.folder, env: { ...env, FCM_PROJECT_ID: '' } });
  expect(await setUp(refused.ask, withoutProject)).toBe(1);
  expect(refused.said.at(-2)).toContain('warning: The dry run failed: FCM_PROJECT_ID: expected');
});

test('each wrong answer is refused at once with its reason, and asked for again', async () => {
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address() as AddressInfo;
  closed.close();
  await once(closed, 'close');
  writeFileSync(at('not.json'), 'hunter2');
  writeFileSync(at('other.csv'), 'name\nAnn\n');
  const { ask, said, left } = answer(
    `mysql://root:hunter2@127.0.0.1:${port}/shop`,
    'postgres://u:hunter2@db/shop',
    '/nowhere/baton.db',
    at('baton.db'),
    '/nowhere.json',
    at('not.json'),
    '',
    'Shop B',
    'shop_b',
    '600,000',
    '600000',
    '/nowhere.csv',
    at('other.csv'),
    '',
  );
  expect(await setUp(ask, makeTerminal({ folder: here.folder }))).toBe(0);
  expect(left).toEqual([]);
  const wrong = said.filter((each) => each.startsWith('wrong')).join('\n');
  for (const reason of [
    'ECONNREFUSED',
    'expected mysql://… or the path of an SQLite file, got postgres://…',
    'expected what can be read and written, got ENOENT',
    '13 characters that are the path of no readable file (ENOENT)',
    'expected a service account as a JSON object',
    'expected 1 to 64 of a-z, 0-9 and _',
    'expected a whole number from 1 to 1000000000, without separators',
    'expected a file that can be read, got ENOENT',
    'expected a header row with a column named token or fid, got 1 other columns',
  ]) {
    expect(wrong).toContain(reason);
  }
  expect(said.join('\n')).not.toContain('hunter2');
  expect(settingsOf()).not.toHaveProperty('FCM_CREDENTIALS');
});

test.each(databaseKinds())(
  'the answer for a %s database with tables is checked by connecting',
  async (kind) => {
    const database = await makeDatabase(kind);
    try {
      expect(await checkDatabase({}, database.url)).toEqual({
        isValid: true,
        says: "connected; Baton's tables exist",
      });
    } finally {
      await database.drop();
    }
  },
);

test.runIf(databaseKinds().includes('mysql'))(
  'a MySQL server that refuses the user is reported without the password',
  async () => {
    const database = await makeDatabase('mysql');
    const url = Object.assign(new URL(database.url), { username: 'stranger', password: 'hunter2' });
    const { isValid, says } = await checkDatabase({}, url.href);
    await database.drop();
    expect(isValid).toBe(false);
    expect(says).toMatch(/ER_ACCESS_DENIED_ERROR: Access denied for user …$/);
    expect(says).not.toMatch(/hunter2|stranger/);
  },
);

test('the address of a database on Amazon RDS brings the TLS setting with it', () => {
  const url = 'mysql://u:p@shop.abc.eu-west-1.rds.amazonaws.com:3306/shop';
  expect(databaseSettings(url)).toEqual({ DATABASE_URL: url, DATABASE_TLS: 'rds' });
  expect(databaseSettings('mysql://u:p@localhost/shop')).not.toHaveProperty('DATABASE_TLS');
});

test('Ctrl-C at any of the five questions leaves the folder as it was', async () => {
  const answers = [at('new.db'), '', 'default', '600000', CTRL_C] as const;
  for (let nth = 0; nth < answers.length; nth++) {
    const { ask, said } = answer(...answers.slice(0, nth), CTRL_C);
    expect(await setUp(ask, makeTerminal({ folder: here.folder }))).toBe(130);
    expect(said.at(-1)).toBe('Nothing was written.');
    expect([existsSync(at('.env')), existsSync(at('.env.new')), existsSync(at('new.db'))]).toEqual([
      false,
      false,
      false,
    ]);
  }
});

test('a .env that is there is replaced only after a yes, and keeps its other lines', async () => {
  const before = '# ours\nPORT=3000\nFCM_SOURCE=old\n';
  writeFileSync(at('.env'), before);
  const no = answer(false);
  expect(await setUp(no.ask, makeTerminal({ folder: here.folder }))).toBe(0);
  expect(readFileSync(at('.env'), 'utf8')).toBe(before);

  const yes = answer(true, at('new.db'), '', 'default', '600000', '');
  const env = { FCM_SOURCE: 'old', DATABASE_URL: '/elsewhere.db' };
  expect(await setUp(yes.ask, makeTerminal({ folder: here.folder, env }))).toBe(0);
  expect(readFileSync(at('.env'), 'utf8')).toBe(
    `# ours\nPORT=3000\nDATABASE_URL=${at('new.db')}\nFCM_SOURCE=default\nFCM_MESSAGES_PER_MINUTE=600000\n`,
  );
  expect(yes.said.filter((each) => each.startsWith('warning'))).toEqual([
    'warning: DATABASE_URL is also set in this shell, and that value wins: unset it',
  ]);
});

test('in a git repository that does not ignore .env, init makes it do so', async () => {
  mkdirSync(at('repository'));
  const folder = at('repository');
  execFileSync('git', ['init', '--quiet'], { cwd: folder });
  const run = () => setUp(answer(at('new.db'), '', 'default', '1', '').ask, makeTerminal({ folder }));
  expect(await run()).toBe(0);
  expect(readFileSync(join(folder, '.gitignore'), 'utf8')).toBe('.env\n');
});

/** Presses the keys one by one, each when the screen shows its words. */
async function press(
  keys: readonly (readonly [shows: string, keys: string])[],
  terminal: { input: PassThrough; screen: () => string },
): Promise<void> {
  let seen = 0;
  for (const [shows, key] of keys) {
    while (!terminal.screen().slice(seen).includes(shows)) await sleep(5);
    seen = terminal.screen().length;
    terminal.input.write(key);
  }
}

test('at a real dialog the answers are typed, and Ctrl-C stops it', async () => {
  const input = new PassThrough();
  const output = new PassThrough();
  let screen = '';
  output.on('data', (text) => (screen += String(text)));
  const dialog = { input, output };
  const terminal = makeTerminal({ folder: here.folder, dialog, env: { DATABASE_URL: at('typed.db') } });
  const init = batonHere(['init'], {}, terminal);
  const ENTER = '\r';
  const keys = [
    ['Database:', ENTER],
    ['Service account key', ENTER],
    ['Source:', ENTER],
    ['Budget:', ENTER],
    ['Devices:', ENTER],
  ] as const;
  await press(keys, { input, screen: () => screen });
  expect(await init).toMatchObject({ status: 0, err: '' });
  expect(settingsOf()).toMatchObject({ DATABASE_URL: at('typed.db'), FCM_MESSAGES_PER_MINUTE: '600000' });
  expect(screen).toContain('Done.');

  screen = '';
  const again = batonHere(['init'], {}, makeTerminal({ folder: here.folder, dialog }));
  await press([['There is a .env here', '\u0003']], { input, screen: () => screen });
  expect(await again).toMatchObject({ status: 130 });
  expect(screen).toContain('Nothing was written.');
});

test('a password and a key that are set already are not put into the questions', async () => {
  const secrets = { DATABASE_URL: 'mysql://u:hunter2@db/shop', FCM_CREDENTIALS: '{"private_key":"hunter2"}' };
  const asked: Question[] = [];
  const { ask } = answer(CTRL_C);
  const recording: Ask = {
    ...ask,
    async text(question) {
      asked.push(question);
      return asked.length === 3 ? ask.text(question) : '';
    },
  };
  await setUp(recording, makeTerminal({ folder: here.folder, env: secrets }));
  expect(asked.map(({ initial }) => initial)).toEqual([undefined, undefined, 'default']);
  expect(JSON.stringify(asked)).not.toContain('hunter2');
  expect(await asked[1]?.check('')).toMatchObject({
    isValid: false,
    says: expect.stringContaining('got a service account') as string,
  });
});
