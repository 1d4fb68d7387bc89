import { generateKeyPairSync } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.ts';
import { ROUTES } from '../../src/http/routes.ts';
import { makeApi } from '../support/api.ts';
import { makeWorkplace, type Workplace } from '../support/baton.ts';
import { makeRequest } from '../support/events.ts';
import { makeToken } from '../support/targets.ts';

/*
 * Everything that is printed, answered, logged or kept about a broadcast has no target, no API token and no key. A command
 * that reads an announcement belongs into READERS; one that is not there yet is skipped.
 */

const READERS: readonly (readonly [name: string, ...args: string[]])[] = [
  ['list'],
  ['list', '--json'],
  ['status', '1'],
  ['status', '1', '--json'],
  ['status', '1', '--list', 'rejected'],
  ['plan', '2'],
  ['plan', '2', '--json'],
  ['explain', 'announcement', '1'],
  ['explain', 'announcement', '1', '--json'],
  ['explain', 'device', '1'],
  ['explain', 'device', 'member:member-1', '--json'],
  ['explain', 'device', makeToken('target-0001')],
  ['report', '1'],
  ['export', '1'],
  ['export', '1', '--verdict', 'unregistered'],
  ['audit'],
  ['audit', '1'],
  ['audit', '1', '--json'],
  ['devices'],
  ['devices', '--json'],
  ['devices', 'restore', '--announcement', '1'],
  ['prune', '--older-than', '1d', '--dry-run'],
  ['prune', '--older-than', '1d', '--json'],
  ['pause', '1'],
];

const API_TOKEN = 'an-api-token-of-some-length-0123';
const DEVICES = 120;

let here: Workplace;
let env: Record<string, string>;
/** Whatever must not be anywhere, by what it is. */
let secrets: ReadonlyMap<string, RegExp>;

beforeAll(async () => {
  here = await makeWorkplace({ faults: { unregistered: 0.1, invalid: 0.1, mismatch: 0.05 }, seed: 7 });
  await here.openStore();
  const tokens = Array.from({ length: DEVICES }, (_, nth) =>
    makeToken(`target-${String(nth).padStart(4, '0')}`),
  );
  const csv = ['token,member_id', ...tokens.map((token, nth) => `${token},member-${nth}`)].join('\n');
  expect((await here.importCsv(csv)).status).toBe(0);
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    ...{ publicKeyEncoding: { type: 'spki', format: 'pem' } },
    ...{ privateKeyEncoding: { type: 'pkcs8', format: 'pem' } },
  });
  const account = { type: 'service_account', project_id: 'other', client_email: 'a@other.example' };
  env = {
    API_TOKEN: `boss:admin:${API_TOKEN}`,
    // A second project: nothing goes through it, but its key is among the settings.
    FCM_CREDENTIALS_OTHER: JSON.stringify({ ...account, private_key: privateKey }),
  };
  const [, line = ''] = privateKey.split('\n');
  secrets = new Map([
    ['a target', /target-\d{4}|APA91b/],
    ['an API token', new RegExp(API_TOKEN)],
    ['the key', new RegExp(line.replaceAll(/[+/]/g, '\\$&'))],
  ]);
});
afterAll(() => here[Symbol.asyncDispose]());

/** Expects none of the secrets in a text. The error has the name of the secret, and not the secret. */
function expectNoSecret(what: string, text: string): void {
  for (const [name, pattern] of secrets) {
    if (pattern.test(text)) expect.fail(`${what} has ${name}`);
  }
}

test('the log of a push, with the faults of FCM, has no secret', async () => {
  const push = ['push', '--title', 'T', '--body', 'B', '--workers', '1', '--verbose'];
  const { status, out, err } = await here.baton(push, env);
  expect(`${status} ${out}`).toContain('announcement 1 done');
  expect(err).toContain('"event":"announcement done"');
  expect(out).toMatch(/unregistered +[1-9]/);
  expect(out).toMatch(/rejected +[1-9]/);
  expectNoSecret('the log', out + err);
  await here.baton(['push', '--title', 'T', '--body', 'B', '--at', '2126-01-01T00:00Z'], env);
});

test.each(READERS.filter(([name]) => COMMANDS.some((command) => command.name === name)))(
  'baton %s %s %s prints no secret',
  async (...args) => {
    const { out, err } = await here.baton(args, env);
    expect(out + err).not.toBe('');
    expectNoSecret(`baton ${args.join(' ').slice(0, 30)}`, out + err);
  },
);

test.each(ROUTES.filter(({ method }) => method === 'GET').map(({ path }) => path))(
  'GET %s answers and logs no secret',
  async (path) => {
    const store = await here.openStore();
    await store.setMember('1', { nickname: 'Jo' });
    const content = { title: 'Hi {{ nickname }}', body: 'b', image: null, data: {}, options: {} };
    await store.setTemplate('1', { content, ttlSeconds: null, locales: null });
    const api = makeApi(store, { env });
    const reply = await api.send(
      makeRequest({
        method: 'GET',
        path: path.replace(/\{\w+\}/, '1'),
        headers: { authorization: `Bearer ${API_TOKEN}` },
      }),
    );
    expect(reply.statusCode).toBeLessThan(300);
    expectNoSecret(`GET ${path}`, JSON.stringify(reply));
    expectNoSecret('the log', api.log.join('\n'));
  },
);

test('only with --targets the targets are exported, and still no key', async () => {
  const { out } = await here.baton(['export', '1', '--targets'], env);
  expect(out.match(/target-\d{4}/g)).toHaveLength(DEVICES);
  expect(out).not.toContain(API_TOKEN);
});

test('no table but that of the devices has a target, and none has a token or a key', () => {
  const database = new DatabaseSync(join(here.folder, 'baton.db'), { readOnly: true });
  const tables = database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'push\\_%' ESCAPE '\\'")
    .all()
    .map(({ name }) => String(name));
  expect(tables).toContain('push_audit');
  for (const table of tables.filter((name) => name !== 'push_device')) {
    expectNoSecret(table, JSON.stringify(database.prepare(`SELECT * FROM ${table}`).all()));
  }
  database.close();
  expect(readdirSync(here.folder).join()).not.toMatch(/target-\d/);
});
