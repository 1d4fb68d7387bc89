import { rememberLookups } from '../../src/model/traits.ts';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { gunzipped } from '../../src/cli/gunzip.ts';
import { addDevices } from '../../src/cli/import.ts';
import { describeTally } from '../../src/cli/import-report.ts';
import { MOVER_NAMES, MOVERS } from '../../src/cli/movers/movers.ts';
import { PushError } from '../../src/errors.ts';
import type { NewDevice } from '../../src/model/device.ts';
import { expectDevice } from '../support/device-check.ts';
import { inChunks, makeDeviceTable } from '../support/device-file.ts';
import { fuzzing } from '../support/fuzz.ts';
import { makeToken } from '../support/targets.ts';

const [A, B] = [makeToken('a'), makeToken('b')];
const SECRET = 'hunter2';

const text = fc.oneof(
  fc.constantFrom(
    A,
    B,
    SECRET,
    '',
    'GCM',
    'APNS',
    'ALL',
    'INACTIVE',
    '1',
    '0',
    'de_DE',
    '3600',
    'NULL',
    '\ud800',
  ),
  fc.string({ unit: 'binary', maxLength: 6 }),
);
const name = fc.oneof(
  fc.constantFrom('identifier', 'device_type', 'tags', 'timezone', 'external_user_id', 'notification_types'),
  fc.constantFrom('Address', 'ChannelType', 'OptOut', 'EndpointStatus', 'User', 'UserId', 'UserAttributes'),
  fc.constantFrom(
    'Attributes',
    'Demographic',
    'Platform',
    'Locale',
    'tk',
    'ap',
    'ip',
    'did',
    'custom',
    'lac',
  ),
  fc.constantFrom('fcmTokens', 'users', 'token', 'timestamp', '_seconds', 'platform', A, SECRET, '__proto__'),
);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.oneof(fc.constantFrom(null, true, 0, -1, 1e300), fc.integer()),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(name, tie('value'), { maxKeys: 6 }),
  ),
}));
const start = fc.constantFrom(
  { ChannelType: 'GCM', Address: A },
  { tk: { ap: A, ip: SECRET } },
  { token: A },
  { fcmTokens: [A, B] },
  {},
);
const record = fc
  .tuple(start, fc.dictionary(name, value, { maxKeys: 8 }))
  .map(([first, more]) => ({ ...more, ...first }));
const json = fc.oneof(
  fc
    .array(record, { minLength: 1, maxLength: 4 })
    .map((all) => all.map((each) => JSON.stringify(each)).join('\n')),
  fc.array(record, { maxLength: 4 }).map((all) => JSON.stringify(all)),
  value.map((each) => JSON.stringify(each, null, 1)),
);
const quote = (cell: string) => `"${cell.replaceAll('"', '""')}"`;
const csv = fc
  .tuple(
    fc.array(name, { maxLength: 4 }),
    fc.array(fc.array(fc.oneof(text, json), { minLength: 6, maxLength: 6 }), { maxLength: 4 }),
  )
  .map(([more, rows]) => {
    const header = ['identifier', 'device_type', ...more];
    const cells = rows.map(([target = '', ...others]) => [target, '1', ...others].slice(0, header.length));
    return [header, ...cells].map((row) => row.map(quote).join(',')).join('\n');
  });
// A piece of the text is cut out, so that some are no JSON.
const broken = fc
  .tuple(fc.oneof(json, csv), fc.nat(200), fc.nat(20))
  .map(([all, at, length]) => all.slice(0, at) + all.slice(at + length));
const file = fc.oneof(
  { weight: 4, arbitrary: json.map((all) => Buffer.from(all)) },
  { weight: 3, arbitrary: csv.map((all) => Buffer.from(all)) },
  { weight: 2, arbitrary: broken.map((all) => Buffer.from(all)) },
  { weight: 1, arbitrary: json.map((all) => gzipSync(all)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) },
);

test('of any file of another service, rows are valid devices, invalid or left out, and nothing of them is printed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...MOVER_NAMES),
      file,
      fc.integer({ min: 1, max: 300 }),
      fc.boolean(),
      async (from, bytes, size, force) => {
        const table = makeDeviceTable();
        const offered: NewDevice[] = [];
        let printed = '';
        const store = {
          addDevices: (devices: readonly NewDevice[]) => (
            offered.push(...devices),
            table.addDevices(devices)
          ),
        };
        try {
          const read = await MOVERS[from](gunzipped(inChunks(bytes, size)), {
            force,
            lookups: rememberLookups(),
          });
          const tally = await addDevices(read, store, { err: (line) => (printed += line) });
          printed += describeTally(tally) + tally.remarks.join();
          expect(tally.rows).toBe(offered.length + tally.invalid + tally.leftOut);
        } catch (error) {
          if (!(error instanceof PushError)) throw error;
          expect(error.code).toBe('BAD_INPUT');
          printed += error.message;
        }
        for (const device of offered) expectDevice(device);
        expect(printed).not.toMatch(/hunter2|APA91b/);
      },
    ),
    fuzzing(),
  );
});
