import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeWorkplace, type Workplace } from '../support/baton.ts';

let here: Workplace;

beforeEach(async () => {
  here = await makeWorkplace();
});

afterEach(() => here[Symbol.asyncDispose]());

const PUSH = ['push', '--title', 'Back at 9', '--body', 'The shop opens late today.', '--workers', '1'];

test('push --repeat and --local-time only schedule it; list, status and plan say when; nothing else starts it', async () => {
  const store = await here.openStore();
  const repeat = await here.baton([...PUSH, '--repeat', '0 9 * * 1'], { TIME_ZONE: 'Europe/Berlin' });
  const words = /repeats 0 9 \* \* 1 Europe\/Berlin, first \d{4}-\d\d-\d\d 0[78]:00:00 UTC/;
  expect(repeat).toMatchObject({ status: 0, err: '' });
  expect(repeat.out).toMatch(/^announcement 1 scheduled: /);
  expect(repeat.out).toMatch(words);
  expect((await here.baton(['list'])).out).toMatch(words);
  expect((await here.baton(['status', '1'])).out).toMatch(words);
  expect((await here.baton(['plan', '1'])).out).toContain(
    'it is sent in parts (repeats 0 9 * * 1 Europe/Berlin)',
  );
  const again = await here.baton(['push', '--announcement', '1']);
  expect(again.err).toBe(
    'baton push: --announcement: expected one without local_time and repeat_at: the schedule sends those in parts, got 1\n',
  );

  const local = await here.baton([...PUSH, '--local-time', '2999-12-24T18:00']);
  expect(local.out).toMatch(
    /^announcement 2 scheduled: at 2999-12-24T18:00 in the zone of each device, first 2999-12-24 /,
  );
  expect(await store.fetchAnnouncement(2)).toMatchObject({
    status: 'scheduled',
    localTime: '2999-12-24T18:00',
  });
  const paused = await here.baton(['pause', '2']);
  expect(paused.out).toContain('announcement 2 paused');
  expect((await here.baton(['resume', '2'])).out).toContain('announcement 2 scheduled');
  expect(here.sandbox.accepted.size).toBe(0);
});

test('a plan that never comes leaves no announcement behind', async () => {
  const store = await here.openStore();
  for (const [option, value, words] of [
    ['--repeat', '0 0 30 2 *', '--repeat: expected a time that occurs, got one that never does'],
    ['--repeat', 'daily', '--repeat: expected five fields of a cron expression'],
    [
      '--local-time',
      '2020-01-01T00:00',
      '--local-time: expected a time that is still to come where a device is',
    ],
  ] as const) {
    const { status, err } = await here.baton([...PUSH, option, value]);
    expect(err).toContain(words);
    expect(status).toBe(2);
  }
  expect(await store.fetchLatest(1)).toEqual([]);
});

test('in quiet hours a push waits for the schedule; with expire it is cancelled', async () => {
  const store = await here.openStore();
  const hour = (inHours: number): string =>
    new Date(Date.now() + inHours * 3_600_000).toISOString().slice(11, 16);
  const quiet = `${hour(-2)}-${hour(2)} UTC`;
  const held = await here.baton(PUSH, { QUIET_HOURS: `${quiet} hold` });
  expect(held.out).toMatch(/^announcement 1 waits: quiet hours until .* UTC; the schedule sends it then\n$/);
  expect(await store.fetchAnnouncement(1)).toMatchObject({
    status: 'scheduled',
    statusReason: expect.stringMatching(/^quiet hours until /) as string,
  });
  expect((await here.baton(['plan', '1'], { QUIET_HOURS: `${hour(1)}-${hour(4)} UTC expire` })).out).toMatch(
    /warning: it is due in quiet hours, which end at .* UTC: it is cancelled/,
  );
  const expired = await here.baton(PUSH, { QUIET_HOURS: `${quiet} expire` });
  expect(expired.err).toMatch(/^announcement 2 cancelled: quiet hours until .* UTC\n$/);
  expect(expired.status).toBe(1);
  expect(await store.fetchAnnouncement(2)).toMatchObject({
    status: 'cancelled',
    statusReason: expect.stringMatching(/^quiet hours until /) as string,
  });
});
