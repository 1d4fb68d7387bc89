import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import { expect, test } from 'vitest';
import type { ExportedDelivery } from '../../src/store/exports.ts';
import { openCsvFormat } from '../../src/report/export.ts';

const delivery: ExportedDelivery = {
  ...{ messageId: 0, deviceId: 7, memberId: 'a', verdict: 'delivered', reason: null, attempts: 1 },
  ...{ recordedAt: 1_767_225_600_000, messageName: 'projects/p/messages/0:176%ab', target: 'a:APA91b-_x' },
};

const PLAIN = ['a', '4711', 'a@b.example', 'Anna Bo', 'x-1', 'a:b/c%d', '_'];
const FORMULAS = [
  '=1',
  '+1',
  '-1',
  '@a',
  '\t=1',
  '\r=1',
  '＝1',
  '＋1',
  '－1',
  '＠a',
  '=cmd|"/c"!A1',
  '-2+3;x',
];
const OTHERS = ['a,b', 'a"b', 'a\nb', 'a;=1', 'a\t=1', ' =1', 'Ünï', '🎉', '', "'a", 'a\r'];

const withMembers = (members: readonly string[]): ExportedDelivery[] =>
  members.map((memberId) => ({ ...delivery, memberId }));

test('a member id of any text is read back as it was, or with an apostrophe where it could be a formula', async () => {
  const { header, lines } = await openCsvFormat({ withTargets: true });
  const members = [...PLAIN, ...FORMULAS, ...OTHERS];
  const rows = parse(header + lines(withMembers(members)), { columns: true }) as Record<string, string>[];
  expect(rows.map((row) => row['member_id'])).toEqual([
    ...PLAIN,
    ...FORMULAS.map((text) => `'${text}`),
    ...OTHERS,
  ]);
  expect(rows[0]).toEqual({
    ...{ member_id: 'a', device_id: '7', message_id: '', verdict: 'delivered', reason: '', attempts: '1' },
    ...{ recorded_at: '2026-01-01T00:00:00.000Z', fcm_message_id: 'projects/p/messages/0:176%ab' },
    target: 'a:APA91b-_x',
  });
});

test('no cell begins as a formula for a spreadsheet with another separator either', async () => {
  const { lines } = await openCsvFormat({ withTargets: false });
  const text = lines(withMembers([...PLAIN, ...FORMULAS, ...OTHERS]));
  // Such a spreadsheet takes quotes for quotes only at the beginning of a cell.
  for (const delimiter of [',', ';', '\t']) {
    const cells = parse(text, { delimiter, relax_quotes: true, relax_column_count: true });
    for (const cell of cells.flat()) expect(cell).not.toMatch(/^[=+\-@\t\r＝＋－＠]/);
  }
});

test('plain lines are those that the library would write', async () => {
  const { lines } = await openCsvFormat({ withTargets: false });
  for (const [nth, line] of lines(withMembers(PLAIN)).trimEnd().split('\n').entries()) {
    const [cells] = parse(line);
    expect(`${line}\n`).toBe(stringify([cells ?? []], { escape_formulas: true }));
    expect(cells?.[0]).toBe(PLAIN[nth]);
  }
});
