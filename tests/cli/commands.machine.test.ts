import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { batonHere, makeTerminal, makeWorkplace } from '../support/baton.ts';
import { makeToken } from '../support/targets.ts';

const [GOOD_1, GOOD_2] = [makeToken('good-1'), makeToken('good-2')];

const HELLO = ['push', '--title', 'T', '--body', 'B'];

test('invalid rows are reported by line number and skipped, and no target is printed', async () => {
  await using here = await makeWorkplace();
  await here.openStore();
  const { status, out, err } = await here.importCsv(
    `token,name\n${GOOD_1},a\n,b\n"two\nlines",c\n${'x'.repeat(600)},d\none,too,many\n\n${GOOD_2},"e\ne"\n`,
  );
  expect(err).toBe(
    [
      'line 3: token: expected a registration token (or a fid), got nothing',
      'line 4: expected a closing quote, got none',
      'line 5: expected quotes around whole values, doubled inside, got others',
      'line 6: token: expected 1 to 512 visible ASCII characters, got 600',
      'line 7: expected 2 columns, as in the header, got 3',
      '',
    ].join('\n'),
  );
  expect(out).toBe('7 rows read, 2 devices added, 0 already there, 5 invalid rows\n');
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

test('import says how it has read a file, and takes other targets with --force alone', async () => {
  await using here = await makeWorkplace();
  await here.openStore();
  const text = `\ufeffDevice Token;Member ID\r\n${GOOD_1};4711\r\nshort;4712\r\n`;
  expect(await here.importCsv(text)).toEqual({
    status: 1,
    out:
      '2 rows read, 1 devices added, 0 already there, 1 invalid rows; ' +
      'the file: separated by semicolons, columns device_token\n',
    err: 'line 3: token: expected more than 100 letters, digits, -, _ or : (or --force), got 5 characters\n',
  });
  const { status, out } = await here.importCsv(text, '--force');
  expect(out).toContain('2 rows read, 1 devices added, 1 already there, 0 invalid rows');
  expect(status).toBe(0);
});

test('push --at refuses a time that does not exist, and says that a time has passed', async () => {
  await using here = await makeWorkplace();
  await here.openStore();
  expect(await here.baton([...HELLO, '--at', '2126-02-30T08:00Z'])).toMatchObject({
    status: 2,
    err: expect.stringContaining('--at: expected a day, an hour and a zone that exist') as string,
  });
  expect((await here.baton([...HELLO, '--at', '2026-01-01T08:00+0100'])).out).toBe(
    'announcement 1 scheduled for 2026-01-01T07:00:00.000Z, which has passed: the next tick starts it\n',
  );
});

test('import refuses a file that is not there, or has no column of targets', async () => {
  await using here = await makeWorkplace();
  await here.openStore();
  expect(await here.baton(['import', '/nowhere.csv'])).toMatchObject({
    status: 2,
    err: expect.stringContaining('FILE: expected a file that can be read, got ENOENT') as string,
  });
  expect(await here.importCsv('name,email\nAnn,a@example.com\n')).toMatchObject({
    status: 2,
    err: 'baton import: line 1: expected a header row with a column named token or fid, got 2 other columns\n',
  });
});

test('a database without tables has to be migrated first', async () => {
  await using here = await makeWorkplace();
  const { status, err } = await here.importCsv('token\nt\n');
  expect(err).toContain('schema: expected version 9, got 0: run `baton migrate`');
  expect(status).toBe(1);
});

test('pause, and everything else on one announcement, names an id that is not in the table', async () => {
  await using here = await makeWorkplace();
  await here.openStore();
  for (const command of ['pause', 'resume', 'cancel', 'status', 'plan']) {
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
      'ID  STATUS          KIND       SOURCE   AUDIENCE  REACHED  FAILED  TOOK  TIME (UTC)              TITLE',
      '2   scheduled       broadcast  default  -         -        -       -     due 2126-01-01 07:00    Two [2J lines',
      '1   done (dry run)  mailing    default  -         -        -       0:00  ended 2126-01-01 08:00  T',
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
        edited: [],
        kind: 'broadcast',
        source: 'default',
        status: 'scheduled',
        reason: null,
        dryRun: false,
        title: 'Two\u001b[2J\nlines',
        publishAt: '2126-01-01T07:00:00.000Z',
        startedAt: null,
        finishedAt: null,
        balance: null,
        tookMs: null,
      },
    ],
    notices: [],
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
