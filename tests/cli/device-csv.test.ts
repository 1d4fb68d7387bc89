import { rememberLookups } from '../../src/model/traits.ts';
import { expect, test } from 'vitest';
import { readDevices } from '../../src/cli/device-csv.ts';
import { addDevices } from '../../src/cli/import.ts';
import { describeTally } from '../../src/cli/import-report.ts';
import type { NewDevice } from '../../src/model/device.ts';
import { inChunks, makeDeviceTable } from '../support/device-file.ts';
import { makeToken } from '../support/targets.ts';

const [A, B, C] = [makeToken('a'), makeToken('b'), makeToken('c')];

interface Imported {
  readonly devices: readonly NewDevice[];
  /** Lines of errors. */
  readonly errors: readonly string[];
  readonly tally: string;
}

async function importBytes(bytes: Uint8Array, { size = 7, force = true } = {}): Promise<Imported> {
  const table = makeDeviceTable();
  const errors: string[] = [];
  const file = await readDevices(inChunks(bytes, size), { force, lookups: rememberLookups() });
  const tally = await addDevices(file, table, { err: (line) => errors.push(line.trimEnd()) });
  return { devices: table.devices(), errors, tally: describeTally(tally) };
}

const importText = (text: string, settings = {}) => importBytes(Buffer.from(text), settings);
const token = (target: string, memberId: string | null = null) => ({ target, targetKind: 'token', memberId });
const counts = (rows: number, added: number, invalid: number, format = '') =>
  `${rows} rows read, ${added} devices added, ${rows - added - invalid} already there, ${invalid} invalid rows${format}`;

test.each([
  ['commas', 'token,member_id\r\na,4711\r\nb,4712\r\n', ''],
  ['semicolons', 'token;member_id\na;4711\nb;4712\n', '; the file: separated by semicolons'],
  ['tabs', 'token\tmember_id\na\t4711\nb\t4712', '; the file: separated by tabs'],
  ['bars', 'token|member_id\na|4711\nb|4712', '; the file: separated by vertical bars'],
  ['a sep= line', 'sep=;\r\ntoken;member_id\r\na;4711\r\nb;4712\r\n', '; the file: separated by semicolons'],
  ['a sep= line of another kind', 'sep=^\ntoken^member_id\na^4711\nb^4712\n', '; the file: separated by "^"'],
  ['CR alone', 'token,member_id\ra,4711\rb,4712\r', ''],
  ['empty lines and blanks', '\n token , member_id \n\na , 4711\n  \nb, "4712"\n\n', ''],
  ['quotes', '"token","member_id"\n"a","4711"\n"b","4712"', ''],
  ['a byte order mark', '\ufefftoken,member_id\na,4711\nb,4712\n', ''],
  ["Excel's quotes", 'token,member_id\na,="4711"\nb,"=""4712"""\n', ''],
])('a file with %s is read', async (_, text, format) => {
  for (const size of [1, 1000]) {
    const { devices, errors, tally } = await importText(text, { size });
    expect(errors).toEqual([]);
    expect(devices).toEqual([token('a', '4711'), token('b', '4712')]);
    expect(tally).toBe(counts(2, 2, 0, format));
  }
});

const UMLAUTS = 'token;name;member_id\na;Müller – €;käse\nb;x;y\n';
const asWindows = (text: string) =>
  Buffer.from(text.replaceAll('–', '\x96').replaceAll('€', '\x80'), 'latin1');

test.each([
  ['UTF-8', Buffer.from(UMLAUTS), ''],
  ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${UMLAUTS}`), ''],
  ['UTF-16LE', Buffer.from(`\ufeff${UMLAUTS}`, 'utf16le'), ', in UTF-16LE'],
  ['UTF-16LE without a mark', Buffer.from(UMLAUTS, 'utf16le'), ', in UTF-16LE'],
  ['UTF-16BE', Buffer.from(`\ufeff${UMLAUTS}`, 'utf16le').swap16(), ', in UTF-16BE'],
  ['UTF-16BE without a mark', Buffer.from(UMLAUTS, 'utf16le').swap16(), ', in UTF-16BE'],
  ['Windows-1252', asWindows(UMLAUTS), ', in Windows-1252'],
])('a file in %s is read', async (_, bytes, format) => {
  for (const size of [1, 1000]) {
    const { devices, tally } = await importBytes(bytes, { size });
    expect(devices).toEqual([token('a', 'käse'), token('b', 'y')]);
    expect(tally).toBe(counts(2, 2, 0, `; the file: separated by semicolons${format}`));
  }
});

test.each([
  ['ü as the first in UTF-8', ['c3bc', 'fc'], 'line 3: expected text in UTF-8, got other bytes'],
  [
    'ü as the first in Windows-1252',
    ['fc', 'c3bc'],
    'line 3: expected text in Windows-1252, got other bytes',
  ],
  ['a byte of no encoding', ['78', '81'], 'line 3: expected text in UTF-8 or Windows-1252, got other bytes'],
])('%s: a line that is not valid in the encoding of the file is refused', async (_, [one, two], error) => {
  const line = (target: string, hex = '') =>
    Buffer.concat([Buffer.from(`${target},`), Buffer.from(`${hex}0a`, 'hex')]);
  const bytes = Buffer.concat([Buffer.from('token,name\n'), line('a', one), line('b', two), line('c', '78')]);
  const { devices, errors } = await importBytes(bytes);
  expect(errors).toEqual([error]);
  expect(devices).toEqual([token('a'), token('c')]);
});

test('half a character at the end of UTF-16, or half a pair, makes the line invalid', async () => {
  const bytes = Buffer.from('\ufefftoken\na\nb\ud83d\nc', 'utf16le');
  const { devices, errors } = await importBytes(Buffer.concat([bytes, Buffer.from('x')]));
  expect(errors).toEqual([
    'line 3: expected text in UTF-16LE, got other bytes',
    'line 4: expected text in UTF-16LE, got other bytes',
  ]);
  expect(devices).toEqual([token('a')]);
});

test.each([
  ['memberId', 'Token', ''],
  ['Member ID', 'TOKEN', ''],
  ['member-id', ' token ', ''],
  ['user_id', 'fcm_token', '; the file: columns fcm_token and user_id'],
  ['userId', 'Device Token', '; the file: columns device_token and user_id'],
])('columns named %j and %j are found', async (member, target, format) => {
  const { devices, tally } = await importText(`id,${member},${target}\n1,4711,a\n`);
  expect(devices).toEqual([token('a', '4711')]);
  expect(tally).toBe(counts(1, 1, 0, format));
});

test("Baton's own names go before others, and a fid is a fid", async () => {
  const { devices } = await importText('user_id,member_id,fid,device_token,token\n1,2,f,x,\n3,,,x,t\n');
  expect(devices).toEqual([{ target: 'f', targetKind: 'fid', memberId: '2' }, token('t')]);
});

const NO_TARGETS = 'a header row with a column named token or fid';
test.each([
  ['', `line 1: expected ${NO_TARGETS}, got nothing`],
  ['\n\n', `line 1: expected ${NO_TARGETS}, got nothing`],
  ['sep=;\n', `line 1: expected ${NO_TARGETS}, got nothing`],
  ['name,email\n', `line 1: expected ${NO_TARGETS}, got 2 other columns`],
  ['\nname;email;x\n', `line 2: expected ${NO_TARGETS}, got 3 other columns`],
  [`${A},1\n`, `line 1: expected ${NO_TARGETS}, got 2 other columns`],
  ['"token,x\na,b\n', `line 1: expected ${NO_TARGETS}, got other quotes`],
  ['[{"token":"a"}]\n', `line 1: expected ${NO_TARGETS}, got JSON`],
  ['{\n  "token": "a"\n}\n', `line 1: expected ${NO_TARGETS}, got JSON`],
  ['token,Token\n', 'line 1: expected one column named token, got token and token'],
  ['fcm_token,device_token\n', 'line 1: expected one column named token, got fcm_token and device_token'],
  [
    'PK\u0003\u0004\u0000\u0000\u0000',
    'FILE: expected a CSV file (save a spreadsheet as CSV), got a file that is not text',
  ],
  ['x'.repeat(70_000), 'line 1: expected at most 65536 characters, got more'],
])('a file without a header is refused: %#', async (text, message) => {
  await expect(importText(text, { size: 5000 })).rejects.toMatchObject({ code: 'BAD_INPUT', message });
});

test('a quote that does not close costs its own row, and the rest is read', async () => {
  const rows = Array.from({ length: 200 }, (_, nth) => `t${nth + 1},x,${nth + 1}`);
  const broken = (nth: number, row: string) => rows.with(nth - 1, row).join('\n');
  for (const row of ['"t10,x,10', 't10,"x,10', 't10,x,"10', '"t10,"x,10', 't10,"x"y,10', 't"10,x,10']) {
    const { devices, errors, tally } = await importText(`token,name,member_id\n${broken(10, row)}\n`);
    expect(errors, row).toHaveLength(1);
    expect(errors[0], row).toMatch(
      /^line 11: expected (a closing quote, got none|quotes around whole values)/,
    );
    expect(devices.map(({ memberId }) => memberId)).not.toContain('10');
    expect(tally).toBe(counts(200, 199, 1));
  }
});

test('a quote that opens on every line does not stop the others', async () => {
  const text = `token,name\n${'"a,x\n'.repeat(500)}b,x\n${'c,"x\n'.repeat(500)}d,x\n`;
  const { devices, tally } = await importText(text, { size: 4096 });
  expect(devices).toEqual([token('b'), token('d')]);
  expect(tally).toBe(counts(1002, 2, 1000));
});

test('a value in another column may have line ends, delimiters and doubled quotes', async () => {
  const text = 'token,"the\nname",member_id\na,"x, ""y""\n\nz",1\nb,"open\nend",2\n';
  const { devices, errors } = await importText(text);
  expect(errors).toEqual([]);
  expect(devices).toEqual([token('a', '1'), token('b', '2')]);
});

test('words for the absence of a value are neither tokens nor member ids, even with --force', async () => {
  const words = ['NULL', 'null', '\\N', 'undefined', '(null)', '[NULL]', '#N/A'];
  const text = [
    'token,member_id',
    ...words.map((word) => `${word},1`),
    ...words.map((word) => `a,${word}`),
    ',1',
    'b,',
  ];
  const { devices, errors, tally } = await importText(text.join('\n'));
  expect(devices).toEqual([token('b')]);
  expect(tally).toBe(counts(16, 1, 15));
  expect(errors[0]).toBe('line 2: token: expected a registration token (or a fid), got a word for NULL');
  expect(errors[7]).toBe('line 9: member_id: expected a member id or nothing, got a word for NULL');
  expect(errors[14]).toBe('line 16: token: expected a registration token (or a fid), got nothing');
  const both = await importText('token,fid\nNULL,f\n');
  expect(both.devices).toMatchObject([{ target: 'f', targetKind: 'fid' }]);
});

test('what does not look like a token or a fid needs --force', async () => {
  const fid = 'f'.repeat(22);
  const text = `token,fid\n${A},\n,${fid}\nBLACKLISTED,\n${'a'.repeat(64)},\n${B}!,\n,${fid}f\n,${A}\n<${C}>,\n`;
  const strict = await importText(text, { force: false });
  expect(strict.devices.map(({ target }) => target)).toEqual([A, fid]);
  expect(strict.errors).toEqual([
    'line 4: token: expected more than 100 letters, digits, -, _ or : (or --force), got 11 characters',
    'line 5: token: expected more than 100 letters, digits, -, _ or : (or --force), got 64 characters',
    'line 6: token: expected more than 100 letters, digits, -, _ or : (or --force), got 143 characters',
    'line 7: fid: expected 22 letters, digits, - or _ (or --force), got 23 characters',
    'line 8: fid: expected 22 letters, digits, - or _ (or --force), got 142 characters',
    'line 9: token: expected more than 100 letters, digits, -, _ or : (or --force), got 144 characters',
  ]);
  // One of the tokens stands there twice.
  expect((await importText(text)).tally).toBe(counts(8, 7, 0));
});

test.each([
  ['a\u200b,1', 'token: expected 1 to 512 visible ASCII characters, got 2 with others among them'],
  [`${'a'.repeat(513)},1`, 'token: expected 1 to 512 visible ASCII characters, got 513'],
  [`a,${'1'.repeat(65)}`, 'member_id: expected at most 64 characters, got 65'],
  ['a,4.71E+12', 'member_id: expected all digits of the id, got a number that a spreadsheet has rounded'],
  ['a,1\u0007', 'member_id: expected characters that can be seen, got others among them'],
  ['a,1,', 'expected 2 columns, as in the header, got 3'],
  ['a', 'expected 2 columns, as in the header, got 1'],
  [`a,${'1'.repeat(70_000)}`, 'expected at most 65536 characters, got more'],
])('a row is refused, and the next one read: %#', async (row, problem) => {
  const { devices, errors } = await importText(`token,member_id\n${row}\nb,2\n`, { size: 9000 });
  expect(errors).toEqual([`line 2: ${problem}`]);
  expect(devices).toEqual([token('b', '2')]);
});

test('no-break spaces around a value do not belong to it', async () => {
  expect((await importText('token\na\u00a0\n')).devices).toEqual([token('a')]);
});
