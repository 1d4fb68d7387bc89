import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { batonHere, makeWorkplace, type Workplace } from '../support/baton.ts';
import type { Store } from '../../src/store.ts';
import { draft } from '../support/context.ts';

/** Changes the database as a back end or a person does. */
function write(here: Workplace, statement: string): void {
  const file = new DatabaseSync(here.env['DATABASE_URL'] ?? '');
  file.exec(statement);
  file.close();
}

async function start(store: Store): Promise<void> {
  const announcementId = await store.createAnnouncement(draft);
  await store.startAnnouncement({ announcementId, round: 0, fromId: 0 }, 60_000);
}

const json = ({ out }: { readonly out: string }): unknown => JSON.parse(out);

test('status, list and cancel work on an announcement that cannot be read, and say why', async () => {
  await using here = await makeWorkplace();
  await here.openStore();
  write(
    here,
    `INSERT INTO push_announcement (title, body, data, status, publish_at, created_at) VALUES
       ('first', 'b', '{"a"', 'scheduled', 0, 0), ('second', 'b', '{}', 'published', 9e15, 0)`,
  );
  const first = await here.baton(['status', '1']);
  expect(first.out).toContain(
    'announcement 1 scheduled; hops 0 done, 0 open\ncannot be sent: data: expected JSON',
  );
  expect(json(await here.baton(['status', '1', '--json']))).toMatchObject({
    ...{ status: 'scheduled', problem: 'data: expected JSON, got 4 characters of something else' },
  });
  const list = await here.baton(['list']);
  expect(list.status).toBe(0);
  expect(list.out).toContain('first');
  expect(json(await here.baton(['list', '--json']))).toMatchObject({
    announcements: [
      {
        ...{ title: 'second', status: 'draft', publishAt: null },
        reason: expect.stringMatching(/^status: expected one of .*; publish_ms: expected a time/) as string,
      },
      { title: 'first', status: 'scheduled' },
    ],
  });
  for (const id of ['1', '2']) {
    expect(await here.baton(['status', id, '--list', 'rejected'])).toMatchObject({ status: 0, out: '' });
    expect((await here.baton(['cancel', id])).out).toContain(`announcement ${id} cancelled`);
  }
});

test('status says what was edited since the start, and resume --accept-edits sends it', async () => {
  await using here = await makeWorkplace();
  const store = await here.openStore();
  await start(store);
  write(here, "UPDATE push_announcement SET status = 'paused', title = 'Hello, all'");
  const { out } = await here.baton(['status', '1']);
  expect(out).toContain(
    'edited since its start, without effect: title; `baton resume 1 --accept-edits` sends',
  );
  expect(json(await here.baton(['resume', '1', '--json']))).toMatchObject({ edited: ['title'] });
  expect(json(await here.baton(['pause', '1', '--json']))).toMatchObject({ edited: ['title'] });
  expect(json(await here.baton(['resume', '1', '--accept-edits', '--json']))).toMatchObject({
    ...{ status: 'running', edited: [] },
  });
  expect((await store.fetchAnnouncement(1))?.content?.title).toBe('Hello, all');
});

test('an edit of the audience is never accepted', async () => {
  await using here = await makeWorkplace();
  await start(await here.openStore());
  write(here, "UPDATE push_announcement SET status = 'paused', audience = 'messages'");
  expect(await batonHere(['resume', '1', '--accept-edits'], here.env)).toMatchObject({
    status: 2,
    err: 'baton resume: audience: expected devices, got another one since the start\n',
  });
});
