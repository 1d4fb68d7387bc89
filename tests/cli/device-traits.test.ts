import { rememberLookups } from '../../src/model/traits.ts';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { readDevices } from '../../src/cli/device-csv.ts';
import { gunzipped } from '../../src/cli/gunzip.ts';
import { addDevices } from '../../src/cli/import.ts';
import { describeTally } from '../../src/cli/import-report.ts';
import { inChunks, makeDeviceTable } from '../support/device-file.ts';

async function importText(content: string | Uint8Array) {
  const table = makeDeviceTable();
  const errors: string[] = [];
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const file = await readDevices(gunzipped(inChunks(bytes, 11)), { force: true, lookups: rememberLookups() });
  const tally = await addDevices(file, table, { err: (line) => errors.push(line.trimEnd()) });
  return { devices: table.devices(), errors, remarks: tally.remarks, says: describeTally(tally) };
}

const DEVICE = { target: 'a', targetKind: 'token', memberId: null };

test('all that a device says about itself is read by the names of the columns', async () => {
  const text = [
    'token,platform,locale,time_zone,app_version,last_seen_at,is_test,is_canary,tag:plan,Tag: Team ',
    'a,iPhone,de_DE,Europe/Berlin,4.12.0 (7),2026-11-20T08:00Z,yes,1,gold,"x, y"',
  ].join('\n');
  for (const content of [text, gzipSync(text)]) {
    const { devices, errors, remarks, says } = await importText(content);
    expect(devices).toEqual([
      {
        ...DEVICE,
        platform: 'ios',
        locale: 'de-DE',
        timeZone: 'Europe/Berlin',
        appVersion: '4.12.0',
        lastSeenAt: Date.UTC(2026, 10, 20, 8),
        isTest: true,
        isCanary: true,
        tags: { plan: 'gold', Team: 'x, y' },
      },
    ]);
    expect(errors).toEqual([]);
    expect(remarks).toEqual([]);
    expect(says).toBe('1 rows read, 1 devices added, 0 already there, 0 invalid rows');
  }
});

test.each([
  ['OS', 'Android', { platform: 'android' }],
  ['device type', 'iPad', { platform: 'ios' }],
  ['Language', 'zh_TW', { locale: 'zh-TW' }],
  ['timezone', 'Asia/Tokyo', { timeZone: 'Asia/Tokyo' }],
  ['TimeZone', 'UTC', { timeZone: 'UTC' }],
  ['App Version', 'v5', { appVersion: '5' }],
  ['last-active', '1763625600', { lastSeenAt: 1_763_625_600_000 }],
  ['lastSeenAt', '1763625600123', { lastSeenAt: 1_763_625_600_123 }],
  ['isTest', '0', { isTest: false }],
  ['isCanary', 'no', { isCanary: false }],
])('a column named %j is found', async (name, value, traits) => {
  const { devices } = await importText(`${name},token\n${value},a\n`);
  expect(devices).toEqual([{ ...DEVICE, ...traits }]);
});

test('of several columns for one thing, the one with the first name counts, and empty ones are no values', async () => {
  const { devices, says } = await importText('lang,language,os,platform,token\nen,de,ios,android,a\n,,,,b\n');
  expect(devices).toEqual([
    { ...DEVICE, platform: 'android', locale: 'de' },
    { ...DEVICE, target: 'b' },
  ]);
  expect(says).toContain('; the file: columns language');
});

test('a word for NULL in an optional column is no value', async () => {
  const { devices, remarks } = await importText('token,platform,locale,tag:plan\na,NULL,\\N,null\n');
  expect(devices).toEqual([DEVICE]);
  expect(remarks).toEqual([]);
});

test('a wrong value of an optional column does not lose the device, and is counted without being shown', async () => {
  const wrong = 'hunter2';
  const rows = Array.from({ length: 12 }, (_, nth) => `t${nth},${wrong},1`);
  const { devices, errors, remarks, says } = await importText(
    `token,platform,member_id\n${rows.join('\n')}\nb,ios,2\n`,
  );
  expect(devices).toHaveLength(13);
  expect(errors).toEqual([]);
  expect(remarks).toEqual([
    '12 rows: platform: expected one of android, ios, web; imported without it (lines 2, 3, 4, 5, 6, …)',
  ]);
  expect(says).toBe('13 rows read, 13 devices added, 0 already there, 0 invalid rows');
});

test.each([
  ['locale', 'German', 'a locale such as de or zh-TW'],
  ['time_zone', '3600', 'an IANA time zone such as Europe/Berlin, no offset'],
  ['app_version', 'latest', 'a version such as 4.12.0, at most four numbers'],
  ['last_seen_at', '20.11.2026', 'a time such as 2026-12-24T18:07Z, or seconds since 1970'],
  ['is_test', 'maybe', '1 or 0, true or false, yes or no'],
  ['is_canary', '2', '1 or 0, true or false, yes or no'],
  ['tag:plan', 'x'.repeat(129), 'a text of at most 128 visible characters'],
  ['tag:plan', '"two\nlines"', 'a text of at most 128 visible characters'],
])('a value of %s that means nothing is left out: %#', async (column, value, expected) => {
  const { devices, remarks } = await importText(`token,${column}\na,${value}\n`);
  expect(devices).toEqual([DEVICE]);
  expect(remarks).toEqual([`1 row: ${column}: expected ${expected}; imported without it (line 2)`]);
});

test.each([
  ['token,tag:\n', 'line 1: expected a name after tag:, got nothing'],
  ['token,tag:a,tag: a\n', 'line 1: expected one column for each tag, got two'],
  ['token,platform,Platform\n', 'line 1: expected one column named platform, got platform and platform'],
])('a header that could mean two things is refused: %#', async (text, message) => {
  await expect(importText(text)).rejects.toMatchObject({ code: 'BAD_INPUT', message });
});

test('a quote that does not close in an optional column costs its own row', async () => {
  const rows = Array.from({ length: 200 }, (_, nth) => `t${nth},x`).with(9, 't9,"x');
  const { devices, errors } = await importText(`token,tag:plan\n${rows.join('\n')}\n`);
  expect(devices).toHaveLength(199);
  expect(errors).toEqual(['line 11: expected a closing quote, got none']);
});
