import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { batonHere, makeTerminal, makeWorkplace } from '../support/baton.ts';

const HELLO = ['push', '--title', 'T', '--body', 'B'];

test('invalid rows are reported by line number and skipped, and no target is printed', async () => {
  await using here = await makeWorkplace();
  await here.openStore();
  const { status, out, err } = await here.importCsv(
    `token,name\ngood-1,a\n,b\n"two\nlines",c\n${'x'.repeat(600)},d\none,too,many\n\ngood-2,e\n`,
  );
  expect(err).toBe(
    [
      'line 3: token: expected a registration token (or a fid), got nothing',
      'line 5: token: expected 1 to 512 visible ASCII characters, got 9 with others among them',
      'line 6: token: expected 1 to 512 visible ASCII characters, got 600',
      'line 7: expected as many columns as the header, with quotes as in CSV, got CSV_RECORD_INCONSISTENT_COLUMNS',
      '',
    ].join('\n'),
  );
  expect(out).toBe('6 rows read, 2 devices added, 0 already there, 4 invalid rows\n');
  expect(status).toBe(1);
});

test('twenty invalid rows are reported, and the others counted', async () => {
  await using here = await makeWorkplace();
  await here.openStore();
  const { out, err } = await here.importCsv(`token,n\n${',1\n'.repeat(25)}`);
  expect(err.split('\n')).toHaveLength(20 + 1 + 1);
  expect(err).toContain('further invalid rows are counted, but not reported\n');
  expect(out).toBe('25 rows read, 0 devices added, 0 already there, 25 invalid rows\n');
});

test('import refuses a file that is not there, or has no column of targets', async () => {
  await using here = await makeWorkplace();
  await here.openStore();
  expect(await here.baton(['import', '/nowhere.csv'])).toMatchObject({
    status: 2,
    err: expect.stringContaining('FILE: expected a CSV file that can be read, got ENOENT') as string,
  });
  expect(await here.importCsv('name,email\nAnn,a@example.com\n')).toMatchObject({
    status: 2,
    err: 'baton import: line 1: expected a header row with a column named token or fid, got 2 other columns\n',
  });
});

test('a database without tables has to be migrated first', async () => {
  await using here = await makeWorkplace();
  const { status, err } = await here.importCsv('token\nt\n');
  expect(err).toContain('schema: expected version 3, got 0: run `baton migrate`');
  expect(status).toBe(1);
});

test('pause, and everything else on one announcement, names an id that is not in the table', async () => {
  await using here = await makeWorkplace();
  await here.openStore();
  for (const command of ['pause', 'resume', 'cancel', 'status']) {
    expect(await here.baton([command, '77'])).toEqual({
      status: 1,
      out: '',
      err: `baton ${command}: announcementId: expected the id of a row in push_announcement, got 77\n`,
    });
  }
});

test('list shows announcements, latest first, with their status, kind, source and time', async () => {
  await using here = await makeWorkplace();
  await here.openStore();
  expect((await here.baton(['list'])).out).toBe('no announcements yet\n');
  await here.baton([...HELLO, '--at', '2126-01-01T08:00Z', '--dry-run']);
  await here.baton([
    'push',
    '--title',
    'Two\u001b[2J\nlines',
    '--body',
    'B',
    '--at',
    '2126-01-01T08:00+01:00',
  ]);
  const file = new DatabaseSync(here.env['DATABASE_URL']!);
  file.exec("UPDATE push_announcement SET audience = 'messages', status = 'done' WHERE announcement_id = 1");
  file.exec(
    'UPDATE push_announcement SET started_at = publish_at, finished_at = publish_at WHERE announcement_id = 1',
  );
  file.close();
  expect(await here.baton(['list'])).toEqual({
    status: 0,
    out: [
      'ID  STATUS          KIND       SOURCE   TIME (UTC)              TITLE',
      '2   scheduled       broadcast  default  due 2126-01-01 07:00    Two [2J lines',
      '1   done (dry run)  mailing    default  ended 2126-01-01 08:00  T',
      '',
    ].join('\n'),
    err: '',
  });
  const { out } = await here.baton(['list', '--limit', '1', '--json']);
  expect(JSON.parse(out)).toEqual({
    announcements: [
      {
        announcementId: 2,
        audience: 'devices',
        kind: 'broadcast',
        source: 'default',
        status: 'scheduled',
        reason: null,
        dryRun: false,
        title: 'Two\u001b[2J\nlines',
        publishAt: '2126-01-01T07:00:00.000Z',
        startedAt: null,
        finishedAt: null,
      },
    ],
  });
});

test('the settings come from .env, and a broken one is one clear error', async () => {
  await using here = await makeWorkplace();
  const { folder, env } = here;
  writeFileSync(join(folder, '.env'), `DATABASE_URL=${env['DATABASE_URL']}\n`);
  expect(await batonHere(['migrate'], {}, makeTerminal({ folder }))).toMatchObject({ status: 0, err: '' });
  writeFileSync(join(folder, '.env'), 'DATABASE_URL="mysql://root:hunter2@db/x\n');
  expect(await batonHere(['migrate'], {}, makeTerminal({ folder }))).toEqual({
    status: 1,
    out: '',
    err: 'baton migrate: .env, line 1: expected a closing quote for DATABASE_URL, got none\n',
  });
  expect((await batonHere(['--help'], {}, makeTerminal({ folder }))).status).toBe(0);
});
