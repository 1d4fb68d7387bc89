import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { parseCredentials } from '../../src/config/credentials.ts';
import { parseServiceAccount } from '../../src/fcm/account.ts';
import { openCredentials } from '../../src/fcm/credentials.ts';
import { refusal } from '../support/events.ts';

const KEY = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
}).privateKey;
const ACCOUNT = {
  type: 'service_account',
  project_id: 'demo-shop',
  private_key_id: '0',
  private_key: KEY,
  client_email: 'x@demo-shop.iam.gserviceaccount.com',
};
const JSON_TEXT = JSON.stringify(ACCOUNT);
const keyed = (key: string): string => JSON.stringify({ ...ACCOUNT, private_key: key });
const base64 = (text: string): string => Buffer.from(text).toString('base64');

const READABLE: readonly (readonly [string, string])[] = [
  ['as the console gives it', JSON_TEXT],
  ['indented', JSON.stringify(ACCOUNT, null, 2)],
  ['with escaped line ends in the key', keyed(KEY.replaceAll('\n', String.raw`\n`))],
  ['with line ends escaped twice', keyed(KEY.replaceAll('\n', String.raw`\\n`))],
  ['with raw line ends in the JSON', JSON_TEXT.replaceAll(String.raw`\n`, '\n')],
  ['with raw line ends of Windows in the JSON', JSON_TEXT.replaceAll(String.raw`\n`, '\r\n')],
  ['with blanks for the line ends of the key', keyed(KEY.replaceAll('\n', ' '))],
  ['with a byte order mark', `\uFEFF${JSON_TEXT}`],
  ['with blanks around', `\n  ${JSON_TEXT} \n`],
  ['with a semicolon after it', `${JSON_TEXT};`],
  ['in single quotes', `'${JSON_TEXT}'`],
  ['in double quotes', `"${JSON_TEXT}"`],
  ['as JSON in JSON', JSON.stringify(JSON_TEXT)],
  ['as JSON in JSON in single quotes', `'${JSON.stringify(JSON_TEXT)}'`],
  ['with escaped quotes', JSON.stringify(JSON_TEXT).slice(1, -1)],
  ['in base64', base64(JSON_TEXT)],
  ['in base64 with line ends', base64(JSON_TEXT).replaceAll(/.{76}/g, '$&\n')],
  ['in base64 for URLs', Buffer.from(JSON_TEXT).toString('base64url')],
  ['in base64 in quotes', `"${base64(JSON_TEXT)}"`],
  ['in base64, with a byte order mark within', base64(`\uFEFF${JSON_TEXT}`)],
];

test.each(READABLE)('a service account %s is read', (_, text) => {
  const credentials = parseCredentials(text);
  expect(credentials).toEqual({ kind: 'inline', json: text });
  expect(openCredentials({ credentials, projectId: null }).projectId).toBe('demo-shop');
  const account = parseServiceAccount(Buffer.from(text));
  if (typeof account === 'string') throw new Error(account);
  const expected = createPrivateKey(KEY).export({ type: 'pkcs8', format: 'pem' });
  expect(createPrivateKey(account.privateKey).export({ type: 'pkcs8', format: 'pem' })).toBe(expected);
});

test.each([
  ['UTF-16', Buffer.from(`\uFEFF${JSON_TEXT}`, 'utf16le')],
  ['UTF-16 of the other byte order', Buffer.from(`\uFEFF${JSON_TEXT}`, 'utf16le').swap16()],
])('a service account in %s is read', (_, bytes) => {
  expect(parseServiceAccount(bytes)).toMatchObject({ projectId: 'demo-shop' });
});

test.each([
  [
    'a google-services.json',
    '{"project_info":{"project_id":"demo-shop"},"client":[]}',
    'belongs in an Android app',
  ],
  [
    'a web configuration',
    '{"apiKey":"AIzaS3cret","projectId":"demo-shop"}',
    'the configuration of a Firebase web app',
  ],
  ['an OAuth client', '{"installed":{"client_secret":"S3cret"}}', 'an OAuth client'],
  [
    'credentials of gcloud',
    '{"type":"authorized_user","refresh_token":"S3cret"}',
    "a person's own credentials",
  ],
  ['a workload identity', '{"type":"external_account"}', 'GOOGLE_APPLICATION_CREDENTIALS'],
  [
    'a legacy server key',
    'AAAAfake123:APA91bS3cretS3cret',
    'a legacy server key, which FCM no longer accepts',
  ],
  ['a web API key', 'AIzaS3cretS3cret', 'a web API key'],
  ['a registration token', 'fS3cret:APA91bS3cret', 'the registration token of a device'],
  ['a private key alone', KEY, 'a private key without the JSON around it'],
  [
    'a property list',
    '<?xml version="1.0"?><plist><string>S3cret</string></plist>',
    'GoogleService-Info.plist',
  ],
  ['no JSON', '{"private_key": "S3cret', '23 characters that are no JSON object'],
  ['a list', '["S3cret"]', 'JSON that is no object'],
  ['a key that was cut', keyed(KEY.slice(0, 400)), 'whose private_key is incomplete or damaged'],
  ['no e-mail', JSON.stringify({ ...ACCOUNT, client_email: '' }), 'without client_email'],
  ['no project', JSON.stringify({ ...ACCOUNT, project_id: undefined }), 'without project_id'],
  ['a type that is no text', '{"type": {"toString": 1}}', 'JSON of another kind'],
  ['a field __proto__', '{"__proto__": {"installed": 1}, "type": "constructor"}', 'JSON of another kind'],
])('%s is refused with what it is, and nothing of it is shown', (_, text, words) => {
  const got = parseServiceAccount(text);
  if (typeof got !== 'string') throw new Error('expected a refusal');
  expect(got).toContain(words);
  const { message, stack } = refusal(() =>
    openCredentials({ credentials: { kind: 'inline', json: text }, projectId: null }),
  );
  expect(message).toContain('Generate new private key');
  expect(message).toContain(got);
  expect(stack).not.toMatch(/S3cret|PRIVATE KEY-|demo-shop/);
});

test.each([
  ['AAAAfake123:APA91bS3cret', 'a legacy server key'],
  ['AIzaS3cret', 'a web API key'],
  ['S3cret/account.json', '19 characters that are the path of no readable file (ENOENT)'],
])('%s, taken for a path, is refused without being shown', (text, words) => {
  const { message } = refusal(() =>
    openCredentials({ credentials: parseCredentials(text), projectId: null }),
  );
  expect(message).toContain(words);
  expect(message).not.toContain('S3cret');
});

test('credentials of blanks alone are none', () => {
  expect(parseCredentials(' \n')).toEqual({ kind: 'none' });
});

test('quotes that a tool kept around a path are not part of it', () => {
  expect(parseCredentials('"account.json"')).toEqual({ kind: 'file', path: 'account.json' });
  expect(parseCredentials("'application-default' ")).toEqual({ kind: 'application-default' });
});
