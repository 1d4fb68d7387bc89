import { rememberLookups } from '../../src/model/traits.ts';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { addDevices } from '../../src/cli/import.ts';
import { describeTally, type Tally } from '../../src/cli/import-report.ts';
import { gunzipped } from '../../src/cli/gunzip.ts';
import { type MoverName, MOVERS } from '../../src/cli/movers/movers.ts';
import type { NewDevice } from '../../src/model/device.ts';
import { inChunks, makeDeviceTable } from '../support/device-file.ts';
import { makeToken } from '../support/targets.ts';

const [A, B, C, D] = [makeToken('a'), makeToken('b'), makeToken('c'), makeToken('d')];
const APNS = '7abcd558f29d0b1f'.repeat(4);

interface Moved extends Tally {
  readonly devices: readonly NewDevice[];
  readonly errors: readonly string[];
}

async function move(from: MoverName, content: string | Uint8Array, { size = 1000 } = {}): Promise<Moved> {
  const table = makeDeviceTable();
  const errors: string[] = [];
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const file = await MOVERS[from](gunzipped(inChunks(bytes, size)), {
    force: false,
    lookups: rememberLookups(),
  });
  const tally = await addDevices(file, table, { err: (line) => errors.push(line.trimEnd()) });
  return { ...tally, devices: table.devices(), errors };
}

const jsonLines = (...values: readonly object[]) => values.map((value) => JSON.stringify(value)).join('\n');
const NO_APNS = expect.stringMatching(/APNs tokens, which FCM does not accept: .*batchImport/) as string;

// The columns that the export has today, with made-up values.
const ONESIGNAL = [
  'id,identifier,session_count,language,timezone,game_version,device_os,device_type,device_model,ad_id,tags,last_active,playtime,amount_spent,created_at,invalid_identifier,badge_count,external_user_id,notification_types',
  `1,${A},7,de,3600,4.12.0,14,1,Pixel 8,,"{""plan"":""gold"",""visits"":""7""}",2026-11-20 08:00:00 UTC,99,0,2024-01-01 00:00:00 UTC,f,0,u-1,1`,
  `2,${APNS},7,en,0,4.12.0,17,0,iPhone,,{},1763625600,99,0,,f,0,u-2,1`,
  `3,${B},1,zh-Hant,28800,,14,1,,,"{""a"":{""b"":1}}",1763625600,0,0,,f,0,,`,
  `4,${C},1,de,3600,,14,1,,,,,0,0,,t,0,,`,
  `5,${C},1,de,3600,,14,1,,,,,0,0,,f,0,,-2`,
  '6,someone@example.com,1,de,3600,,,11,,,,,0,0,,f,0,,',
  '7,https://fcm.googleapis.com/fcm/send/x,1,de,3600,,,5,,,,,0,0,,f,0,,1',
  '8,,1,de,3600,,14,1,,,,,0,0,,f,0,,-10',
  '9,amzn1.adm-registration.v3.x,1,de,3600,,14,2,,,,,0,0,,f,0,,1',
  `10,${A.slice(0, 50)},1,de,3600,,14,1,,,,,0,0,,f,0,,1`,
].join('\n');

test("OneSignal's export: Android's tokens are taken, and all else is left out by reason", async () => {
  for (const content of [ONESIGNAL, gzipSync(ONESIGNAL)]) {
    const { devices, errors, remarks, ...tally } = await move('onesignal', content, { size: 100 });
    expect(devices).toEqual([
      {
        target: A,
        targetKind: 'token',
        memberId: 'u-1',
        platform: 'android',
        locale: 'de',
        appVersion: '4.12.0',
        lastSeenAt: Date.UTC(2026, 10, 20, 8),
        tags: { plan: 'gold', visits: '7' },
      },
      {
        target: B,
        targetKind: 'token',
        memberId: null,
        platform: 'android',
        locale: 'zh-Hant',
        lastSeenAt: 1_763_625_600_000,
      },
    ]);
    expect(describeTally({ ...tally, remarks })).toBe(
      '10 rows read, 2 devices added, 0 already there, 1 invalid rows, 7 left out',
    );
    expect(errors).toEqual([
      'line 11: token: expected more than 100 letters, digits, -, _ or : (or --force), got 50 characters',
    ]);
    expect(remarks).toEqual([
      NO_APNS,
      '1 row left out: marked as invalid by the service: their tokens were refused (line 5)',
      '1 row left out: opted out of pushes (line 6)',
      '1 row left out: e-mail addresses, phone numbers and other channels that are no devices (line 7)',
      '1 row left out: web push subscriptions, which belong to the key of the service that made them (line 8)',
      '1 row left out: without a token (line 9)',
      '1 row left out: tokens of Amazon, Baidu, Huawei, Windows and others, which FCM does not accept (line 10)',
      '2 rows: time_zone: expected an IANA time zone such as Europe/Berlin, no offset; imported without it (lines 2, 4)',
      '1 row: tags: expected a text of at most 128 visible characters; imported without the tags that have another value (line 4)',
    ]);
  }
});

test("OneSignal's extra column of zones goes before the one of offsets", async () => {
  const text = `identifier,device_type,timezone,timezone_id\n${A},1,3600,Europe/Berlin\n`;
  const { devices, remarks } = await move('onesignal', text);
  expect(devices).toMatchObject([{ timeZone: 'Europe/Berlin' }]);
  expect(remarks).toEqual([]);
});

test("OneSignal's tags: a list among them costs itself, and text that is no JSON all of them", async () => {
  const rows = ['"{""plan"":""gold"",""teams"":[""a""]}"', 'plan=gold'].map(
    (tags, nth) => `${[A, B][nth]},1,${tags}`,
  );
  const { devices, remarks } = await move('onesignal', `identifier,device_type,tags\n${rows.join('\n')}\n`);
  expect(devices.map(({ tags }) => tags)).toEqual([{ plan: 'gold' }, undefined]);
  expect(remarks).toEqual([
    '1 row: tags: expected a text of at most 128 visible characters; imported without the tags that have another value (line 2)',
    '1 row: tags: expected a JSON object of tags; imported without it (line 3)',
  ]);
});

const endpoint = (address: string, more: object = {}) => ({
  Id: 'x',
  ChannelType: 'GCM',
  Address: address,
  EndpointStatus: 'ACTIVE',
  OptOut: 'NONE',
  ...more,
});

test("Pinpoint's endpoints: traits, the user's id, and attributes with one value become tags", async () => {
  const text = jsonLines(
    endpoint(A, {
      EffectiveDate: '2026-11-20T08:00:00.123Z',
      Demographic: {
        Platform: 'Android',
        Locale: 'de_DE',
        Timezone: 'Europe/Berlin',
        AppVersion: '4.12.0 (77)',
        Make: 'x',
      },
      Attributes: { plan: ['free'], teams: ['a', 'b'], empty: [] },
      User: { UserId: 'u-1', UserAttributes: { plan: ['gold'], since: ['2024'] } },
    }),
    endpoint(APNS, { ChannelType: 'APNS' }),
    endpoint(APNS, { ChannelType: 'APNS_SANDBOX' }),
    endpoint('+4930123456', { ChannelType: 'SMS' }),
    endpoint(B, { OptOut: 'ALL' }),
    endpoint(C, { EndpointStatus: 'INACTIVE' }),
    endpoint(D, { Demographic: { Platform: 'Symbian', Locale: 'x', Timezone: 'x', AppVersion: 'x' } }),
    { Id: 'y' },
  );
  const { devices, errors, remarks } = await move('pinpoint', gzipSync(`${text}\n{"Id": broken\n`));
  expect(devices).toEqual([
    {
      target: A,
      targetKind: 'token',
      memberId: 'u-1',
      platform: 'android',
      locale: 'de-DE',
      timeZone: 'Europe/Berlin',
      appVersion: '4.12.0',
      lastSeenAt: Date.UTC(2026, 10, 20, 8, 0, 0, 123),
      tags: { plan: 'gold', since: '2024' },
    },
    { target: D, targetKind: 'token', memberId: null },
  ]);
  expect(errors).toEqual([
    'line 8: ChannelType: expected a channel such as GCM, got none',
    'line 9: expected one JSON object a line, got text that is no JSON',
  ]);
  expect(remarks).toEqual([
    expect.stringMatching(/^2 rows left out: APNs tokens.*\(lines 2, 3\)$/) as string,
    '1 row left out: e-mail addresses, phone numbers and other channels that are no devices (line 4)',
    '1 row left out: opted out of pushes (line 5)',
    '1 row left out: marked as invalid by the service: their tokens were refused (line 6)',
    '1 row: attributes: expected a text of at most 128 visible characters; imported without the tags that have another value (line 1)',
    '1 row: platform: expected one of android, ios, web; imported without it (line 7)',
    '1 row: locale: expected a locale such as de or zh-TW; imported without it (line 7)',
    '1 row: time_zone: expected an IANA time zone such as Europe/Berlin, no offset; imported without it (line 7)',
    '1 row: app_version: expected a version such as 4.12.0, at most four numbers; imported without it (line 7)',
  ]);
});

test('gzip files that follow each other in one file are read as one', async () => {
  const parts = [A, B].map((address) => gzipSync(`${JSON.stringify(endpoint(address))}\n`));
  expect((await move('pinpoint', Buffer.concat(parts), { size: 3 })).devices).toHaveLength(2);
});

test("Countly's users: alone, joined, as a list, and with MongoDB's numbers", async () => {
  const users = [
    { _id: '1', tk: { ap: A, ip: APNS } },
    {
      uid: '2',
      did: 'u-2',
      la: 'en',
      av: '4:12:0',
      lac: { $numberLong: '1763625600' },
      custom: { plan: 'gold', visits: { $numberInt: '7' }, teams: ['a'] },
      tk: [{ _id: '2', tk: { ap: B } }],
    },
    { _id: '3', tk: {} },
    { _id: '4', tk: { hp: C } },
    { _id: '5', tk: { ap: { token: C } } },
  ];
  const lines = users.map((user) => JSON.stringify(user));
  for (const text of [lines.join('\n'), `[${lines.join(',\n')}]\n`]) {
    const { devices, errors, remarks, rows } = await move('countly', text);
    expect(devices).toEqual([
      { target: A, targetKind: 'token', memberId: null, platform: 'android' },
      {
        target: B,
        targetKind: 'token',
        memberId: 'u-2',
        platform: 'android',
        locale: 'en',
        appVersion: '4.12.0',
        lastSeenAt: 1_763_625_600_000,
        tags: { plan: 'gold', visits: '7' },
      },
    ]);
    // The first user has two tokens.
    expect(rows).toBe(6);
    expect(errors).toEqual(['line 5: tk: expected registration tokens, got an object with token']);
    expect(remarks).toEqual([
      NO_APNS,
      '1 row left out: without a token (line 3)',
      '1 row left out: tokens of Amazon, Baidu, Huawei, Windows and others, which FCM does not accept (line 4)',
      '1 row: custom: expected a text of at most 128 visible characters; imported without the tags that have another value (line 2)',
    ]);
  }
});

test("Countly's users in each form that mongoexport writes, and as PowerShell redirects it", async () => {
  const users = [
    {
      _id: '1',
      did: 'u-1',
      tk: [{ tk: { ap: A } }],
      custom: { 'a "],[{': 'x', teams: ['a', 'b'], deep: { b: [{}] } },
    },
    { _id: '2', did: 'ü😀', tk: { ap: B } },
    { _id: '3', tk: {} },
  ];
  const texts = {
    lines: `${jsonLines(...users)}\n`,
    jsonArray: `${JSON.stringify(users)}\n`,
    pretty: users.map((user) => `${JSON.stringify(user, null, '\t')}\n`).join(''),
    prettyArray: `[${users.map((user) => JSON.stringify(user, null, '\t')).join(',\n')}]\r\n`,
    indentedArray: JSON.stringify(users, null, 2),
  };
  for (const [form, text] of Object.entries(texts)) {
    for (const bytes of [
      Buffer.from(text),
      Buffer.from(`\ufeff${text}`),
      Buffer.from(`\ufeff${text}`, 'utf16le'),
    ]) {
      for (const size of [1, 7, 100_000]) {
        const { devices, errors, rows, remarks } = await move('countly', bytes, { size });
        expect(devices, form).toMatchObject([
          { target: A, memberId: 'u-1', tags: { 'a "],[{': 'x' } },
          { target: B, memberId: 'ü😀' },
        ]);
        expect([errors, rows, remarks.length]).toEqual([[], 3, 2]);
      }
    }
  }
});

test('of a list, an object that is not valid costs itself, and its line is named', async () => {
  const tk = { ap: A };
  const text = `[\n{"tk": {"ap": "${B}"}},\n{"tk": [,]}, 4711, {"tk": 1 2}, [{"tk": {}}],\n{"custom": {"v": "${'v'.repeat(40_000)}",
    "w": "${'w'.repeat(40_000)}"}}\n,\n${JSON.stringify({ tk })}]`;
  const { devices, errors, rows } = await move('countly', text);
  expect(devices.map(({ target }) => target)).toEqual([B, A]);
  expect(rows).toBe(7);
  expect(errors).toEqual([
    'line 3: expected a JSON object, got text that is no JSON',
    'line 3: expected a JSON object, got another kind of value',
    'line 3: expected a JSON object, got text that is no JSON',
    'line 3: expected a JSON object, got another kind of value',
    'line 4: expected at most 65536 characters, got more',
  ]);
});

test('a list on one line is read as it comes: no more of it is held than what one object takes', async () => {
  let chunks = 0;
  async function* list(): AsyncGenerator<Buffer> {
    for (; chunks < 1000; chunks++) yield Buffer.from(`${chunks === 0 ? '[' : ','}{"tk":{"ap":"${A}"}}`);
    yield Buffer.from(']');
  }
  const { rows } = await MOVERS.countly(list(), { force: false, lookups: rememberLookups() });
  let read = 0;
  for await (const { device } of rows) {
    read++;
    expect(device).toMatchObject({ target: A });
    expect(chunks - read).toBeLessThan(3);
  }
  expect(read).toBe(1000);
});

test('of a list that is cut off, the objects before the end are imported', async () => {
  const table = makeDeviceTable();
  const text = `[{"tk":{"ap":"${A}"}},{"tk":{"ap":"`;
  const file = await MOVERS.countly(inChunks(Buffer.from(text), 10), {
    force: false,
    lookups: rememberLookups(),
  });
  await expect(addDevices(file, table, { err: () => undefined })).rejects.toMatchObject({
    message: "line 1: expected Countly's export, JSON, got text that is no JSON",
  });
  expect(table.devices()).toMatchObject([{ target: A }]);
});

const fid = 'f'.repeat(22);
const seen = { _seconds: 1_763_625_600, _nanoseconds: 0 };
const lastSeenAt = 1_763_625_600_000;

test.each<[string, unknown, object[]]>([
  [
    'documents of Firestore, by user',
    { fcmTokens: { 'u-1': { token: A, timestamp: seen, platform: 'iOS' } } },
    [{ target: A, memberId: 'u-1', lastSeenAt, platform: 'ios' }],
  ],
  [
    'an export with collections in between',
    {
      __collections__: {
        users: { 'u-1': { name: 'x', __collections__: { devices: { d: { fcmToken: A } } } } },
      },
    },
    [{ target: A, memberId: 'u-1' }],
  ],
  [
    'a list of tokens of a user',
    { users: { 'u-1': { fcmTokens: [A, B], locale: 'de_DE' } } },
    [
      { target: A, memberId: 'u-1', locale: 'de-DE' },
      { target: B, memberId: 'u-1', locale: 'de-DE' },
    ],
  ],
  [
    'tokens as names',
    { users: { 'u-1': { fcm_tokens: { [A]: true, [B]: true } } } },
    [
      { target: A, memberId: 'u-1' },
      { target: B, memberId: 'u-1' },
    ],
  ],
  ['tokens by user', { fcmTokens: { 'u-1': A } }, [{ target: A, memberId: 'u-1' }]],
  [
    'objects under tokens',
    { devices: { [A]: { uid: 'u-1', os: 'android' } } },
    [{ target: A, memberId: 'u-1', platform: 'android' }],
  ],
  ['a list of tokens alone', [A, B], [{ target: A }, { target: B }]],
  ['a fid of BigQuery', { instance_id: fid, sdk_platform: 'IOS' }, [{ target: fid, platform: 'ios' }]],
])('Firebase: %s', async (_, json, devices) => {
  for (const text of [JSON.stringify(json), JSON.stringify(json, null, 2)]) {
    for (const size of [1, 7, 100_000]) {
      const moved = await move('firebase', text, { size });
      expect(moved.devices).toMatchObject(devices);
      expect(moved.devices).toHaveLength(devices.length);
      expect(moved.errors).toEqual([]);
      expect(moved.remarks).toEqual([]);
    }
  }
});

test('Firebase: JSON lines, and CSV with the columns of BigQuery', async () => {
  const rows = [
    { instance_id: fid, sdk_platform: 'ANDROID', event_timestamp: '2026-11-20 08:00:00.123456 UTC' },
    { token: A, user_id: 'u-1', app_version: 'v4' },
  ];
  const device = { targetKind: 'fid', platform: 'android', lastSeenAt: Date.UTC(2026, 10, 20, 8, 0, 0, 123) };
  expect((await move('firebase', jsonLines(...rows))).devices).toMatchObject([
    { ...device, target: fid },
    { target: A, memberId: 'u-1', appVersion: '4' },
  ]);
  const csv = `instance_id,sdk_platform,event_timestamp\n${fid},ANDROID,2026-11-20 08:00:00.123456 UTC\n`;
  expect((await move('firebase', csv)).devices).toMatchObject([{ ...device, target: fid }]);
});

test('Firebase: a table of tokens is longer than what is kept in memory of one object', async () => {
  const tokens = Array.from({ length: 2500 }, (_, nth) => makeToken(`t${nth}`));
  const map = Object.fromEntries(tokens.map((token, nth) => [`u-${nth}`, token]));
  for (const json of [tokens, { fcmTokens: map }, { users: { 'u-1': { tokens } } }]) {
    const { devices } = await move('firebase', JSON.stringify(json), { size: 10_000 });
    expect(devices.map(({ target }) => target)).toEqual(tokens);
  }
  const { devices } = await move('firebase', JSON.stringify({ fcmTokens: map }));
  expect(devices.at(-1)).toMatchObject({ memberId: 'u-2499' });
});

test('blanks around a member id are no part of it', async () => {
  const members = ['sp ', ' sp', '\u00a0', ' '].map((UserId) =>
    endpoint(makeToken(`m${UserId.length}${UserId.trim()}${UserId.codePointAt(0)}`), { User: { UserId } }),
  );
  const { devices, errors } = await move('pinpoint', jsonLines(...members));
  expect(devices.map(({ memberId }) => memberId)).toEqual(['sp', 'sp', null, null]);
  expect(errors).toEqual([]);
});

const NOT_TEXT = Buffer.from('PK\u0003\u0004\u0000\u0000\u0000');
const COLUMNS = "OneSignal's columns identifier and device_type";
test.each<[MoverName, string | Uint8Array, string]>([
  ['onesignal', '', `line 1: expected a header row with ${COLUMNS}, got nothing`],
  [
    'onesignal',
    `token,member_id\n${A},1\n`,
    `line 1: expected a header row with ${COLUMNS}, got 2 other columns`,
  ],
  ['onesignal', '[{"identifier":"a"}]', `line 1: expected a header row with ${COLUMNS}, got JSON`],
  [
    'onesignal',
    NOT_TEXT,
    'FILE: expected a CSV file (save a spreadsheet as CSV), got a file that is not text',
  ],
  ['pinpoint', '', "FILE: expected Pinpoint's export, one JSON object a line, got an empty file"],
  ['pinpoint', `token\n${A}\n`, "line 1: expected Pinpoint's export, one JSON object a line, got other text"],
  ['pinpoint', '{\n  "Id" 1\n}\n', "line 1: expected Pinpoint's export, JSON, got other text"],
  ['countly', '[]\n', "FILE: expected Countly's export, JSON, got an empty file"],
  ['countly', '[1, 2]', "line 1: expected Countly's export, JSON, got another kind of value"],
  [
    'pinpoint',
    NOT_TEXT,
    "FILE: expected Pinpoint's export, one JSON object a line, got a file that is not text",
  ],
  [
    'countly',
    '"x"\n',
    "line 1: expected Countly's export, one JSON object a line, got another kind of value",
  ],
  ['firebase', '', 'line 1: expected a header row with a column named token or fid, got nothing'],
  [
    'firebase',
    '{"users": [{"localId": "x", "email": "someone@example.com"}]}',
    'FILE: expected JSON with registration tokens, got JSON without any',
  ],
  [
    'firebase',
    '{"users": {\n',
    'line 1: expected JSON with registration tokens, got a file that ends within it',
  ],
  ['firebase', '{"a": 1 "b": 2}', 'line 1: expected JSON with registration tokens, got text that is no JSON'],
  ['firebase', '{"a": tru}', 'line 1: expected JSON with registration tokens, got text that is no JSON'],
  ['firebase', '{"a": "\\x"}', 'line 1: expected JSON with registration tokens, got text that is no JSON'],
  [
    'firebase',
    Buffer.from('{\n"a": "\xff"}', 'latin1'),
    'line 1: expected JSON with registration tokens in UTF-8, got other bytes',
  ],
  ['firebase', '['.repeat(100), 'line 1: expected at most 32 levels, got more'],
  ['firebase', `{"a": "${'x'.repeat(70_000)}`, 'line 1: expected JSON with registration tokens, got text'],
  [
    'firebase',
    NOT_TEXT,
    'FILE: expected a CSV file (save a spreadsheet as CSV), got a file that is not text',
  ],
])('%s refuses a file of another kind: %#', async (from, content, message) => {
  await expect(move(from, content, { size: 5000 })).rejects.toMatchObject({
    code: 'BAD_INPUT',
    message: expect.stringContaining(message) as string,
  });
});

test('of a gzip file that is cut off or damaged, what comes before is imported, and the rest refused', async () => {
  const tokens = Array.from({ length: 3000 }, (_, nth) => makeToken(`t${nth}`));
  const whole = gzipSync(tokens.map((token) => JSON.stringify(endpoint(token))).join('\n'));
  const cut = whole.subarray(0, whole.length - 100);
  // The last bytes are the checksum and the length.
  const damaged = Buffer.concat([whole.subarray(0, whole.length - 8), Buffer.alloc(8)]);
  for (const [bytes, problem] of [
    [cut, 'Z_BUF_ERROR (a gzip file that is cut off)'],
    [damaged, 'Z_DATA_ERROR (a damaged gzip file)'],
  ] as const) {
    const table = makeDeviceTable();
    let err = '';
    const file = await MOVERS.pinpoint(gunzipped(inChunks(bytes, 100)), {
      force: false,
      lookups: rememberLookups(),
    });
    await expect(addDevices(file, table, { err: (line) => (err += line) })).rejects.toMatchObject({
      code: 'BAD_INPUT',
      message: `FILE: expected a file that can be read, got ${problem}`,
    });
    const added = table.devices().length;
    expect(added).toBeGreaterThan(2000);
    expect(err).toBe(
      `${added} rows read, ${added} devices added, 0 already there, 0 invalid rows, up to the error\n`,
    );
  }
});

test('at most 20 tags are kept, names and values have bounds, and no name reaches a prototype', async () => {
  const many = Object.fromEntries(Array.from({ length: 25 }, (_, nth) => [`t${nth}`, ['x']]));
  const odd = `{"__proto__":["x"],"${'n'.repeat(65)}":["x"],"v":["${'v'.repeat(129)}"],"c":["a\\u0000"],"s":["\\ud800"]}`;
  const text = `${JSON.stringify(endpoint(A, { Attributes: many }))}\n${JSON.stringify(endpoint(B)).slice(0, -1)},"Attributes":${odd}}\n`;
  const { devices, remarks } = await move('pinpoint', text);
  expect(Object.keys(devices[0]!.tags!)).toHaveLength(20);
  expect(Object.entries(devices[1]!.tags ?? {})).toEqual([['__proto__', 'x']]);
  expect(remarks).toEqual([
    '1 row: attributes: expected at most 20 tags; imported with the first 20 (line 1)',
    '1 row: attributes: expected tags with names of 1 to 64 visible characters; imported without the tags that have another name (line 2)',
    '1 row: attributes: expected a text of at most 128 visible characters; imported without the tags that have another value (line 2)',
  ]);
});
