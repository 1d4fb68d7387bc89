import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { makeDatabase } from '../support/database.ts';
import { rehearseInProcess } from '../support/rehearsal.ts';

/** Runs `baton rehearse` in this process. */
async function rehearse(...args: string[]) {
  const text = { out: '', err: '' };
  const terminal = {
    env: {},
    folder: import.meta.dirname,
    out: (words: string) => void (text.out += words),
    err: (words: string) => void (text.err += words),
    live: false,
    width: () => 80,
    dialog: null,
    interrupted: () => new Promise<never>(() => {}),
  };
  const status = await main(['rehearse', ...args], terminal);
  return { status, ...text };
}

test('every device of a broadcast is accounted for, and the summary is one JSON object', async () => {
  const { status, summary, err } = await rehearseInProcess(
    ...[
      '--devices',
      '3000',
      '--page-size',
      '1200',
      '--workers',
      '2',
      '--faults',
      'unregistered=0.02,invalid=0.01,mismatch=0.005',
    ],
    ...['--latency', '5', '--sigma', '0.2', '--tail', '0.002:60', '--ramp', '0'],
  );
  expect(status).toBe(0);
  expect(err).toBe('');
  expect(summary).toMatchObject({ status: 'done', reason: null, devices: 3000, lost: 0, duplicated: 0 });
  expect(summary.hops).toBe(3);
  expect(summary.delivered + summary.unregistered + summary.rejected).toBe(3000);
  expect(summary.unregistered).toBeGreaterThan(40);
  expect(summary.rejected).toBeGreaterThan(25);
  expect(summary.retryable + summary.misconfigured + summary.unknown + summary.unsent).toBe(0);
  expect(summary.peakRssMb).toBeLessThan(200);
  expect(summary.cpu.workerSeconds).toBeGreaterThan(0);
  expect(summary.cpu.sandboxSeconds).toBeGreaterThan(0);
  expect(Object.keys(summary)).toEqual(
    expect.arrayContaining(['seconds', 'perSecond', 'throttled', 'peakConcurrency', 'peakRssMb']),
  );
});

test.each([
  [['--devices', 'many'], '--devices: expected a whole number from 0 to 100000000, got 4 characters'],
  [['--canaries', '5', '--devices', '4'], '--canaries: expected at most --devices, 4, got 5'],
  [['--dead-canaries', '1'], '--dead-canaries: expected at most --canaries, 0, got 1'],
  [['--canaries', '1', '--queue', '5'], '--canaries: expected no --queue, --resume, --migrate or --mislabel'],
  [['--faults', 'sunspots=1'], 'faults: expected NAME=SHARE'],
  [['--faults', 'reset=2'], 'got 7 characters'],
  [['--outage', '429@soon'], 'outage: expected one of 429, 503, 400, 401, 403, 404, silent, @ the second'],
  [
    ['--tail', '10000'],
    'tail: expected none, or SHARE:MS, a share from 0 to 1 and milliseconds from 0 to 600000',
  ],
  [['--sigma', '4'], '--sigma: expected a number from 0 to 3, got "4"'],
  [['--sigma', 'wide'], '--sigma: expected a number from 0 to 3, got 4 characters'],
  [['--queue', '10', '--batch', '0'], '--batch: expected a whole number from 1 to 10000, got "0"'],
  [['--drop', '1.5'], '--drop: expected a share from 0 to 1, got "1.5"'],
  [['--transport', 'smoke'], '--transport: expected one of http2, sdk, got 5 characters'],
  [['--frobnicate'], "nknown option '--frobnicate'"],
])('%j is refused', async (args, words) => {
  const { status, out, err } = await rehearse(...args);
  expect(err).toContain(words);
  expect(err.split('\n')).toHaveLength(2);
  expect(out).toBe('');
  expect(status).toBe(2);
});

test('a database that no rehearsal made is left unchanged, and nothing of it is sent', async () => {
  const database = await makeDatabase('sqlite');
  const file = new DatabaseSync(database.url);
  file.exec(`
    INSERT INTO push_device (target, created_at) VALUES ('a-real-one', 0);
    INSERT INTO push_announcement (title, body, status, publish_at, created_at)
    VALUES ('Due', 'since long', 'scheduled', 0, 0);
    INSERT INTO push_message (device_id, title, body, publish_at) VALUES (1, 'Due', 'since long', 0);
  `);
  const dump = () =>
    ['push_device', 'push_announcement', 'push_message', 'push_delivery', 'sqlite_schema'].map((table) =>
      file.prepare(`SELECT * FROM ${table}`).all(),
    );
  const before = dump();
  const { status, err } = await rehearse('--database', database.url);
  expect(err).toBe(
    'baton rehearse: --database: expected an empty database, or one that a rehearsal made, ' +
      'got one with rows in push_announcement, push_device, push_message that no rehearsal made\n',
  );
  expect(status).toBe(2);
  expect(dump()).toEqual(before);
  file.close();
  await database.drop();
});
