import { rememberLookups } from '../../src/model/traits.ts';
import { expect, test } from 'vitest';
import { readDevices } from '../../src/cli/device-csv.ts';
import { addDevices } from '../../src/cli/import.ts';
import { describeTally } from '../../src/cli/import-report.ts';
import { inChunks, makeDeviceTable } from '../support/device-file.ts';
import { makeToken } from '../support/targets.ts';

/*
 * Files as spreadsheets and database tools write them, imported without --force: what is read, what is reported, and what the
 * command says about the file.
 */

const [A, B] = [makeToken('a'), makeToken('b')];

const utf16 = (text: string): Buffer => Buffer.from(`\ufeff${text}`, 'utf16le');

interface ForeignFile {
  readonly text: string | Buffer;
  /** The member of each device that is added; null: none. */
  readonly members: readonly (string | null)[];
  /** Lines with an error. */
  readonly bad?: readonly number[];
  readonly format?: string;
}

const FILES: Readonly<Record<string, ForeignFile>> = {
  'Excel, CSV UTF-8': { text: `\ufefftoken,member_id\r\n${A},1\r\n`, members: ['1'] },
  'Excel for Mac, CR alone': { text: `token\r${A}\r${B}\r`, members: [null, null] },
  'Excel in German': {
    text: `\ufefftoken;member_id\r\n${A};4711\r\n${B};4712\r\n`,
    members: ['4711', '4712'],
    format: 'separated by semicolons',
  },
  'Excel with a sep= line': {
    text: `\ufeffsep=;\r\ntoken;member_id\r\n${A};4711\r\n`,
    members: ['4711'],
    format: 'separated by semicolons',
  },
  'Excel, Unicode text': {
    text: utf16(`token\tmember_id\r\n${A}\t4711\r\n`),
    members: ['4711'],
    format: 'separated by tabs, in UTF-16LE',
  },
  'Excel, digits kept as text by a formula': {
    text: `token,member_id\r\n${A},="4711"\r\n`,
    members: ['4711'],
  },
  'Excel, digits rounded': {
    text: `token,member_id\r\n${A},4.71E+12\r\n${B},1\r\n`,
    members: ['1'],
    bad: [2],
  },
  'phpMyAdmin as it comes': {
    text: `"id";"fcm_token";"user_id"\n"1";"${A}";"4711"\n`,
    members: ['4711'],
    format: 'separated by semicolons, columns fcm_token and user_id',
  },
  'phpMyAdmin with NULL': {
    text: `id,token,member_id\n1,${A},NULL\n2,${B},4712\n3,NULL,4711\n`,
    members: ['4712'],
    bad: [2, 4],
  },
  'SELECT … INTO OUTFILE': {
    text: `id,token,member_id\n1,${A},\\N\n2,\\N,4711\n3,${B},4712\n`,
    members: ['4712'],
    bad: [2, 3],
  },
  'mysql --batch': { text: `token\tmember_id\n${A}\t4711\n`, members: ['4711'], format: 'separated by tabs' },
  'words for nothing, and no tokens': {
    text: `token\n<${A}>\nnull\nundefined\n(null)\nBLACKLISTED\ntrue\nNone\nnil\n#N/A\n${B}\n`,
    members: [null],
    bad: [2, 3, 4, 5, 6, 7, 8, 9, 10],
  },
  'characters that cannot be seen': { text: `token\n${A}\u200b\n${B}\u00a0\n`, members: [null], bad: [2] },
  'a quote that does not close': {
    text: `token,member_id\n${A},1\n"${makeToken('c')},2\n${B},3\n`,
    members: ['1', '3'],
    bad: [3],
  },
};

test.each(Object.entries(FILES))('%s', async (_, { text, members, bad = [], format }) => {
  for (const size of [1, 4096]) {
    const table = makeDeviceTable();
    const errors: string[] = [];
    const file = await readDevices(inChunks(Buffer.from(text), size), {
      force: false,
      lookups: rememberLookups(),
    });
    const tally = await addDevices(file, table, { err: (line) => errors.push(line) });
    expect(table.devices().map(({ memberId }) => memberId ?? null)).toEqual(members);
    for (const { target } of table.devices()) expect([A, B]).toContain(target);
    expect(errors.map((line) => Number(/^line (\d+):/.exec(line)?.[1]))).toEqual(bad);
    expect(describeTally(tally).split('; the file: ')[1]).toBe(format);
  }
});
