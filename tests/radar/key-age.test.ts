import { expect, test } from 'vitest';
import { examineRadar } from '../../src/radar/examine.ts';
import { RADAR_PARTS } from '../../src/radar/parts.ts';
import { makeCertificate } from '../support/certificate.ts';
import { DAY, makeTools } from './tools.ts';

const KEY_ID = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b';
const EMAIL = 'push@shop.iam.gserviceaccount.com';
const account = JSON.stringify({
  ...{ type: 'service_account', project_id: 'shop', private_key: 'x' },
  ...{ client_email: EMAIL, private_key_id: KEY_ID },
});
const PARTS = RADAR_PARTS.filter(({ name }) => name === 'keys');

async function look(tools: Parameters<typeof examineRadar>[0]) {
  const { notices, looks } = await examineRadar(tools, PARTS);
  expect(JSON.stringify({ notices, looks })).not.toMatch(new RegExp(`${KEY_ID}|${EMAIL}`));
  return { notices, says: looks[0]?.says, isBlind: looks[0]?.isBlind };
}

test("the age and the end of a key are those of Google's certificate", async () => {
  const { cert } = await makeCertificate();
  const madeAt = Date.now();
  const asked: string[] = [];
  let now = madeAt + 10 * DAY;
  const tools = makeTools(() => now, {
    env: { FCM_CREDENTIALS: account },
    fetchCertificates: async (email) => {
      asked.push(email);
      return new Map([[KEY_ID, cert]]);
    },
  });
  expect(await look(tools)).toMatchObject({ notices: [], says: expect.stringContaining(', 10 days ago') });
  now = madeAt + 366 * DAY;
  expect((await look(tools)).notices).toMatchObject(
    [
      { name: 'key-age:default', level: 'amber', remedy: expect.stringContaining('make a new key') },
      { name: 'key-end:default', level: 'red', dueOn: expect.stringMatching(/^\d{4}-\d\d-\d\d$/) },
    ].toReversed(),
  );
  expect(asked).toEqual([EMAIL, EMAIL]);
  expect(tools.signals).toEqual([]);
});

test('a key whose certificate cannot be had counts from the first day on which Baton saw it', async () => {
  let now = Date.UTC(2026, 0, 1);
  const tools = makeTools(() => now, {
    env: { FCM_CREDENTIALS: account },
    fetchCertificates: () => Promise.reject(new Error('Google did not answer')),
  });
  expect(await look(tools)).toMatchObject({
    notices: [],
    says: 'the key of the source default was first seen by Baton on 2026-01-01, 0 days ago (its own date is not known: Google did not answer)',
  });
  now += 365 * DAY;
  expect((await look(tools)).notices).toEqual([]);
  now += DAY;
  expect((await look(tools)).notices).toMatchObject([
    {
      name: 'key-age:default',
      level: 'amber',
      says: expect.stringContaining('366 days ago: older than a year'),
    },
  ]);
  expect(tools.signals).toMatchObject([{ kind: 'key', source: 'default', value: '2026-01-01' }]);
  expect(tools.signals[0]?.name).toMatch(/^[0-9a-f]{12}$/);
});

test('a new key starts anew, and each source has its own', async () => {
  const env = { FCM_CREDENTIALS: account, FCM_CREDENTIALS_SHOP_B: account.replace(KEY_ID, 'another') };
  const tools = makeTools(() => Date.UTC(2026, 0, 1), { env });
  await look(tools);
  expect(tools.signals.map(({ source }) => source).toSorted()).toEqual(['default', 'shop_b']);
  expect(new Set(tools.signals.map(({ name }) => name)).size).toBe(2);
});

test('Google is not asked about the accounts of another endpoint, nor where there is no key', async () => {
  const fetchCertificates = () => Promise.reject(new Error('asked'));
  const env = { FCM_CREDENTIALS: account, FCM_ENDPOINT: 'http://127.0.0.1:9' };
  const own = await look(makeTools(Date.now, { env, fetchCertificates }));
  expect(own.says).toContain('FCM_ENDPOINT is not Google');
  const none = await look(makeTools(Date.now, { env: { FCM_PROJECT_ID: 'shop' }, fetchCertificates }));
  expect(none).toMatchObject({ notices: [], says: 'no source has a key of its own' });
});

test('without a database, a key whose date is not known has no verdict', async () => {
  const tools = makeTools(Date.now, {
    env: { FCM_CREDENTIALS: account },
    openStore: () => Promise.reject(new Error('no database')),
  });
  expect(await look(tools)).toMatchObject({ notices: [], isBlind: true, says: 'no database' });
});
