import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openDriver } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import type { Store } from '../../src/store.ts';
import { makeWorkplace, NODE_ARGS, type Workplace } from '../support/baton.ts';
import { devicesOf, draft } from '../support/context.ts';
import { mountSmallDisk } from '../support/tmpfs.ts';

/** More than a megabyte of lines. */
const ROWS = 18_000;

let here: Workplace;
let store: Store;
let env: Record<string, string>;

beforeAll(async () => {
  here = await makeWorkplace();
  store = await here.openStore();
  const { PATH = '', HOME = '' } = process.env;
  env = { PATH, HOME, ...here.env };
  await store.addDevices(devicesOf('-1', '+2', '@c', '\t=d', '＝e', 'f', 'Ünï', null));
  const id = await store.createAnnouncement(draft, 'cli:somebody');
  await store.startAnnouncement({ announcementId: id, round: 0, fromId: 0 }, 60_000);
  const driver = openDriver({ kind: 'sqlite', file: here.env['DATABASE_URL']! }, systemClock);
  await driver.run(
    sql`INSERT INTO push_delivery (announcement_id, device_id, verdict, reason, message_name, round, recorded_at)
        WITH RECURSIVE numbers (seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM numbers WHERE seq < ${ROWS})
        SELECT ${id}, seq, CASE WHEN seq % 1000 = 0 THEN 'rejected' ELSE 'delivered' END,
          CASE WHEN seq % 1000 = 0 THEN 'INVALID_ARGUMENT' END, 'projects/p/messages/1', 0, 1767225600000
        FROM numbers`,
  );
  await driver.close();
});
afterAll(() => here[Symbol.asyncDispose]());

test('export prints a line for each delivery, and defuses what a spreadsheet would run', async () => {
  const { status, out, err } = await here.baton(['export', '1']);
  const lines = out.split('\n');
  expect({ status, err, lines: lines.length }).toEqual({ status: 0, err: '', lines: ROWS + 2 });
  const rest = (deviceId: number): string =>
    `${deviceId},,delivered,,2026-01-01T00:00:00.000Z,1,projects/p/messages/1`;
  expect(lines.slice(0, 10)).toEqual([
    'member_id,device_id,message_id,verdict,reason,recorded_at,attempts,fcm_message_id',
    `'-1,${rest(1)}`,
    `'+2,${rest(2)}`,
    `'@c,${rest(3)}`,
    `"'\t=d",${rest(4)}`,
    `'＝e,${rest(5)}`,
    `f,${rest(6)}`,
    `Ünï,${rest(7)}`,
    `,${rest(8)}`,
    `,${rest(9)}`,
  ]);
  expect(out).not.toContain('target-');
});

test('export prints only the verdicts that are asked for, and the targets only with --targets', async () => {
  const { out } = await here.baton(['export', '1', '--verdict', 'rejected', '--verdict', 'unknown']);
  expect(out.split('\n')).toHaveLength(ROWS / 1000 + 2);
  const { out: withTargets } = await here.baton(['export', '1', '--targets']);
  expect(withTargets.split('\n')[1]).toMatch(/^'-1,1,.*,target-1$/);
  expect(await here.baton(['export', '1', '--verdict', 'lost'])).toMatchObject({ status: 2, out: '' });
  expect(await here.baton(['export', '7'])).toMatchObject({ status: 1, out: '' });
});

/** Runs the export in a process whose output goes through a shell. */
const inShell = async (command: string, folder = here.folder) => {
  const script = command.replace(
    'BATON',
    [process.execPath, ...NODE_ARGS].map((each) => `'${each}'`).join(' '),
  );
  const run = promisify(execFile)('bash', ['-o', 'pipefail', '-c', script], { env, cwd: folder });
  return run.then(
    ({ stdout, stderr }) => ({ status: 0, stdout, stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
      ...{ status: code, stdout, stderr },
    }),
  );
};

test('a reader that has read enough ends the export quietly', async () => {
  const { status, stdout, stderr } = await inShell('BATON export 1 | head -n 1');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^member_id,/);
});

test('a disk that is full is one clear error', async () => {
  expect(await inShell('BATON export 1 > /dev/full')).toEqual({
    status: 1,
    stdout: '',
    stderr: 'baton export: output: expected room for all lines, got ENOSPC (no space left)\n',
  });
});

test.each(['audit', 'list', 'report 1'])('%s: a disk that is full is one clear error', async (command) => {
  expect(await inShell(`BATON ${command} > /dev/full`)).toEqual({
    status: 1,
    stdout: '',
    stderr: 'baton: output: expected room for all lines, got ENOSPC (no space left)\n',
  });
});

test('a disk that takes only a part of the lines is an error', async (context) => {
  const disk = mountSmallDisk(1);
  if (disk === null) return context.skip();
  try {
    const file = join(disk.folder, 'f.csv');
    expect(await inShell(`BATON export 1 > '${file}'`)).toMatchObject({ status: 1 });
    expect(readFileSync(file).length).toBeGreaterThan(500_000);
  } finally {
    disk.unmount();
  }
});

test('audit shows who did what, as a table and as JSON', async () => {
  await here.baton(['pause', '1']);
  const { out } = await here.baton(['audit', '1']);
  expect(out.split('\n').map((line) => line.replace(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/, 'TIME'))).toEqual([
    expect.stringMatching(/^TIME \(UTC\) +OF +WHO +WHAT +STATUS +WHY$/),
    expect.stringMatching(/^TIME +1 +cli:somebody +created +- > draft$/),
    expect.stringMatching(/^TIME +1 +baton +started +draft > running$/),
    expect.stringMatching(/^TIME +1 +cli:\S+ +paused +running > paused$/),
    '',
  ]);
  const { out: json } = await here.baton(['audit', '--limit', '1', '--json']);
  expect(JSON.parse(json)).toMatchObject({
    entries: [{ announcementId: 1, action: 'paused', was: 'running', became: 'paused' }],
  });
  expect(await here.baton(['audit', '9'])).toMatchObject({ status: 1 });
});

test('devices restore is in the audit of the announcement', async () => {
  const driver = openDriver({ kind: 'sqlite', file: here.env['DATABASE_URL']! }, systemClock);
  await driver.run(
    sql`UPDATE push_device SET unregistered_at = 1, unregistered_by = 1 WHERE device_id IN (1, 2)`,
  );
  await driver.close();
  expect(await here.baton(['devices', 'restore', '--announcement', '1'])).toMatchObject({
    out: '2 devices restored\n',
  });
  expect((await store.fetchAudit(1, 100)).at(-1)).toMatchObject({
    action: 'devices restored',
    why: '2 devices',
  });
});

test('prune says what it would delete, deletes it, and the export then says that it is gone', async () => {
  expect(await here.baton(['prune'])).toMatchObject({ status: 2 });
  for (const age of ['0d', '90', '3651d', '-1d', 'soon']) {
    expect(await here.baton(['prune', '--older-than', age])).toMatchObject({ status: 2, out: '' });
  }
  await here.baton(['cancel', '1']);
  const driver = openDriver({ kind: 'sqlite', file: here.env['DATABASE_URL']! }, systemClock);
  await driver.run(sql`UPDATE push_announcement SET finished_at = finished_at - 172800000`);
  await driver.close();
  expect(await here.baton(['prune', '--older-than', '3d'])).toMatchObject({
    out: '0 deliveries and 0 messages deleted, of 0 announcements\n',
  });
  const dry = await here.baton(['prune', '--older-than', '1d', '--dry-run', '--json']);
  const counts = { announcements: 1, deliveries: ROWS, messages: 0 };
  expect(JSON.parse(dry.out)).toEqual({ dryRun: true, ...counts });
  expect((await here.baton(['export', '1'])).status).toBe(0);
  const { out, err } = await here.baton(['prune', '--older-than', '1d']);
  expect(out).toBe('18,000 deliveries and 0 messages deleted, of 1 announcements\n');
  expect(err).toMatch(/^announcement 1, cancelled \d{4}-\d\d-\d\d: 18,000 deliveries\n$/);
  expect(await here.baton(['export', '1'])).toMatchObject({
    status: 1,
    err: expect.stringMatching(
      /^baton export: announcementId: expected .*, got 1, whose deliveries are deleted since/,
    ),
  });
});
