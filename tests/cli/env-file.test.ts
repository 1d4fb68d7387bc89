import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadEnvFile, makeEnvReader, replaceSettings } from '../../src/cli/env-file.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-env-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function load(text: string, env: Record<string, string> = {}) {
  writeFileSync(join(folder, '.env'), text);
  return loadEnvFile(env, folder);
}

test('a folder without .env leaves the environment as it is', () => {
  const env = { STAGE: 'prod' };
  expect(loadEnvFile(env, folder)).toBe(env);
});

test('.env adds the variables that the environment does not have', () => {
  const text = '# Baton\n\nSTAGE=dev\nexport FCM_SOURCE="shop" # ours\nFCM_CREDENTIALS=\'{\n  "a": 1\n}\'\n';
  expect(load(text, { STAGE: 'prod', DATABASE_URL: '' })).toEqual({
    STAGE: 'prod',
    DATABASE_URL: '',
    FCM_SOURCE: 'shop',
    FCM_CREDENTIALS: '{\n  "a": 1\n}',
  });
});

test.each([
  [
    'a line of other text',
    'A=1\nhunter2 secret\n',
    '.env, line 2: expected NAME=value or a # comment, got 14 characters',
  ],
  [
    'a quote that nothing closes',
    'A=1\nKEY="hunter2\nB=2\n',
    '.env, line 2: expected a closing quote for KEY, got none',
  ],
  [
    'two lines of other text',
    'x\n{\n',
    '.env, line 1: expected NAME=value or a # comment, got 1 character of other text; .env, line 2',
  ],
])('%s is one clear error without the value', (_, text, words) => {
  const refusal = (() => {
    try {
      load(text);
      return 'none';
    } catch (error) {
      return String(error);
    }
  })();
  expect(refusal).toContain(words);
  expect(refusal).not.toContain('hunter2');
});

test('a .env that cannot be read is an error', () => {
  mkdirSync(join(folder, '.env'));
  expect(() => loadEnvFile({}, folder)).toThrow('.env: expected a file that can be read, got EISDIR');
});

test('replaced settings keep comments and other variables, and a value of several lines goes as a whole', () => {
  const text = '# ours\nPORT=3000\nFCM_CREDENTIALS="{\n  hunter2\n}"\nDATABASE_URL=old\n';
  expect(replaceSettings(text, { DATABASE_URL: 'baton.db', FCM_CREDENTIALS: 'key.json' })).toBe(
    '# ours\nPORT=3000\nDATABASE_URL=baton.db\nFCM_CREDENTIALS=key.json\n',
  );
});

test.each([
  'plain',
  'mysql://u:p#ss@h:3306/db',
  "it's",
  'with "both" \'kinds\'',
  ' spaces ',
  'a\\nb',
  '$HOME',
  '',
])('the value %j is read back as it was written', (value) => {
  expect(parseEnv(replaceSettings('', { KEY: value }))).toEqual({ KEY: value });
});

test('a value that no quotes can hold is refused without the value', () => {
  expect(() => replaceSettings('', { KEY: 'a\nb' })).toThrow('KEY: expected one line');
  expect(() => replaceSettings('', { KEY: '"\'`# hunter2' })).toThrow(/^KEY: expected one line(?!.*hunter2)/);
});

test('a process that reads .env again gets its secrets as they are now, and everything else as it was', () => {
  const own = { FCM_CREDENTIALS_SHOP_B: 'own.json' };
  const text = 'STAGE=dev\nDATABASE_URL=one.db\nFCM_CREDENTIALS_SHOP_B=b.json\nAPI_TOKEN=t1\n';
  const read = makeEnvReader(own, load(text, own), folder);
  const first = read();
  expect(first).toEqual({ STAGE: 'dev', DATABASE_URL: 'one.db', API_TOKEN: 't1', ...own });
  expect(read()).toBe(first);
  const changed = 'STAGE=prod\nDATABASE_URL=two.db\nFCM_CREDENTIALS=a.json\nFCM_CREDENTIALS_SHOP_B=c.json\n';
  writeFileSync(join(folder, '.env'), changed);
  const second = read();
  expect(second).toEqual({ STAGE: 'dev', DATABASE_URL: 'two.db', API_TOKEN: '', ...own });
  expect(read()).toBe(second);
});

test('a secret whose line is gone stays as it was, and a line that is not valid is an error each time', () => {
  const read = makeEnvReader({}, load('DATABASE_URL=one.db\n'), folder);
  writeFileSync(join(folder, '.env'), 'hunter2 secret\n');
  expect(read).toThrow('.env, line 1: expected NAME=value or a # comment, got 14 characters of other text');
  expect(read).toThrow('.env, line 1');
  rmSync(join(folder, '.env'));
  expect(read()).toEqual({ DATABASE_URL: 'one.db' });
});

test.each([
  ['a byte order mark', Buffer.from('\uFEFFSTAGE=prod\nPAGE_SIZE=7\n')],
  ['UTF-16, little endian', Buffer.from('\uFEFFSTAGE=prod\r\nPAGE_SIZE=7\r\n', 'utf16le')],
  ['UTF-16, big endian', Buffer.from('\uFEFFSTAGE=prod\nPAGE_SIZE=7\n', 'utf16le').swap16()],
])('.env may have %s', (_, bytes) => {
  writeFileSync(join(folder, '.env'), bytes);
  expect(loadEnvFile({}, folder)).toEqual({ STAGE: 'prod', PAGE_SIZE: '7' });
});
