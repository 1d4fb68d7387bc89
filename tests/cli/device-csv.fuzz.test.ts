import { rememberLookups } from '../../src/model/traits.ts';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readDevices } from '../../src/cli/device-csv.ts';
import { addDevices } from '../../src/cli/import.ts';
import { describeTally } from '../../src/cli/import-report.ts';
import { PushError } from '../../src/errors.ts';
import type { NewDevice } from '../../src/model/device.ts';
import { expectDevice } from '../support/device-check.ts';
import { inChunks, makeDeviceTable } from '../support/device-file.ts';
import { fuzzing } from '../support/fuzz.ts';
import { makeToken } from '../support/targets.ts';

const [A, B, C] = [makeToken('a'), makeToken('b'), makeToken('c')];

const SECRET = 'hunter2';
const cell = fc.oneof(
  fc.constantFrom(
    '',
    'NULL',
    '\\N',
    `="${SECRET}"`,
    `"${SECRET}`,
    `${SECRET}"`,
    '""',
    `"${SECRET}""`,
    '"',
    'é',
    '\0',
  ),
  fc.constantFrom(A, B, C, `"${A}"`, SECRET, `"x\n${SECRET}"`, '4,7', `${SECRET}\ud83d`, '\u200b'),
  fc.constantFrom(
    'iOS',
    'de_DE',
    'europe/berlin',
    '3600',
    'v4.12 (7)',
    '1763625600',
    'true',
    'x'.repeat(129),
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
);
const TRAITS = [
  'token',
  'platform',
  'locale',
  'time_zone',
  'app_version',
  'last_seen_at',
  'is_test',
  'is_canary',
  'tag:plan',
];

/** Most rows of a wide table have its width: a row of another width says nothing about its values. */
const fitWidth = (row: readonly string[], width: number) =>
  width > 3 && row.length > 2 ? [...row, ...Array<string>(width).fill('')].slice(0, width) : row;

const csvText = fc
  .tuple(
    fc.constantFrom('', 'sep=;\n', '\n', '\ufeff'),
    fc.constantFrom(',', ';', '\t', '|'),
    fc.constantFrom('\n', '\r\n', '\r'),
    fc.constantFrom(
      ['token'],
      ['token', 'member_id'],
      ['fid', 'name'],
      ['name', 'token', 'Member ID'],
      ['name', SECRET],
      TRAITS,
      [...TRAITS.toReversed(), `tag:${SECRET.repeat(3)}`],
    ),
    fc.array(fc.array(cell, { minLength: 1, maxLength: 9 }), { maxLength: 6 }),
  )
  .map(
    ([start, delimiter, end, header, rows]) =>
      start +
      [header, ...rows.map((row) => fitWidth(row, header.length))]
        .map((row) => row.join(delimiter))
        .join(end),
  );
const csvBytes = fc.oneof(
  { weight: 6, arbitrary: csvText.map((text) => Buffer.from(text)) },
  { weight: 2, arbitrary: csvText.map((text) => Buffer.from(text, 'latin1')) },
  { weight: 2, arbitrary: csvText.map((text) => Buffer.from(`\ufeff${text}`, 'utf16le')) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(csvText, fc.uint8Array({ maxLength: 12 }))
      .map(([text, bytes]) => Buffer.concat([Buffer.from(text), bytes])),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 80 }) },
);

test('of any bytes, rows are added, already there or invalid, and nothing of them is printed', async () => {
  await fc.assert(
    fc.asyncProperty(csvBytes, fc.integer({ min: 1, max: 200 }), fc.boolean(), async (bytes, size, force) => {
      const table = makeDeviceTable();
      let printed = '';
      try {
        const file = await readDevices(inChunks(bytes, size), { force, lookups: rememberLookups() });
        const offered: NewDevice[] = [];
        const store = {
          addDevices: (devices: readonly NewDevice[]) => (
            offered.push(...devices),
            table.addDevices(devices)
          ),
        };
        const tally = await addDevices(file, store, { err: (line) => (printed += line) });
        printed += describeTally(tally) + tally.remarks.join();
        expect(tally.rows).toBe(offered.length + tally.invalid);
        expect(tally.added).toBe(new Set(offered.map(({ target }) => target)).size);
        for (const device of offered) expectDevice(device);
      } catch (error) {
        if (!(error instanceof PushError)) throw error;
        expect(error.code).toBe('BAD_INPUT');
        printed += error.message;
      }
      expect(printed).not.toMatch(/hunter2|APA91b/);
    }),
    fuzzing(),
  );
});
