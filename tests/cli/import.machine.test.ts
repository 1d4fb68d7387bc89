import { expect, test } from 'vitest';
import { makeWorkplace } from '../support/baton.ts';
import { makeToken } from '../support/targets.ts';

const [A, B, C] = [makeToken('a'), makeToken('b'), makeToken('c')];

test('import reports what it has imported devices without, and its status is 0', async () => {
  await using here = await makeWorkplace();
  await here.openStore();
  const text = `token,os,language,tag:plan\n${A},iPhone,de_DE,gold\n${B},Symbian,German,\n${C},?,en,\n`;
  expect(await here.importCsv(text)).toEqual({
    status: 0,
    out: [
      '3 rows read, 3 devices added, 0 already there, 0 invalid rows; the file: columns os and language',
      '2 rows: platform: expected one of android, ios, web; imported without it (lines 3, 4)',
      '1 row: locale: expected a locale such as de or zh-TW; imported without it (line 3)',
      '',
    ].join('\n'),
    err: '',
  });
});

test("import without --from refuses another service's export, and says what to pass", async () => {
  await using here = await makeWorkplace();
  await here.openStore();
  expect(await here.importCsv(`[{"tk":{"ap":"${A}"}}]\n`)).toMatchObject({
    status: 2,
    out: '',
    err: expect.stringContaining('(or --from countly), got what looks like an export of Countly') as string,
  });
});

test('import --from reads the export of another service, twice without adding a device twice', async () => {
  await using here = await makeWorkplace();
  await here.openStore();
  const text = [
    { ChannelType: 'GCM', Address: A, User: { UserId: '4711' } },
    { ChannelType: 'GCM', Address: B, OptOut: 'ALL' },
    { ChannelType: 'APNS', Address: '7abcd558f29d0b1f'.repeat(4) },
    { ChannelType: 'GCM', Address: 'short' },
  ].map((each) => JSON.stringify(each));
  const first = await here.importCsv(text.join('\n'), '--from', 'pinpoint');
  expect(first.status).toBe(1);
  expect(first.err).toBe(
    'line 4: token: expected more than 100 letters, digits, -, _ or : (or --force), got 5 characters\n',
  );
  expect(first.out.split('\n')).toEqual([
    '4 rows read, 1 devices added, 0 already there, 1 invalid rows, 2 left out',
    '1 row left out: opted out of pushes (line 2)',
    expect.stringMatching(/^1 row left out: APNs tokens, which FCM does not accept: .* \(line 3\)$/),
    '',
  ]);
  const again = await here.importCsv(text.join('\n'), '--from', 'pinpoint');
  expect(again.out).toContain('4 rows read, 0 devices added, 1 already there, 1 invalid rows, 2 left out');
});

test('import refuses a service that it does not know, and a file of another kind', async () => {
  await using here = await makeWorkplace();
  await here.openStore();
  const csv = `token\n${A}\n`;
  expect(await here.importCsv(csv, '--from', 'airship')).toMatchObject({
    status: 2,
    out: '',
    err: expect.stringContaining(
      '--from: expected one of onesignal, pinpoint, countly, firebase, got 7 characters',
    ) as string,
  });
  expect(await here.importCsv(csv, '--from', 'pinpoint')).toMatchObject({
    status: 2,
    out: '',
    err: "baton import: line 1: expected Pinpoint's export, one JSON object a line, got other text\n",
  });
});
