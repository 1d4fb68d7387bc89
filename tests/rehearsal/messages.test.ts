import { expect, test } from 'vitest';
import { waitForMailing } from '../../src/rehearsal/messages.ts';
import type { AnnouncementSummary, Store } from '../../src/store.ts';
import { makeTestClock } from '../support/clock.ts';

const summary = (announcementId: number, status: AnnouncementSummary['status']): AnnouncementSummary => ({
  announcementId,
  status,
  statusReason: null,
  source: 'default',
  dryRun: false,
  title: '',
  audience: 'messages',
  publishAt: null,
  startedAt: null,
  finishedAt: null,
});

/** Waits for a mailing after the seventh announcement; the nth poll finds the nth announcement, and then always the last. */
async function wait(found: readonly AnnouncementSummary[]) {
  const clock = makeTestClock({ isEager: true });
  const startedAt = clock.now();
  let polls = 0;
  const store: Pick<Store, 'fetchLatest'> = {
    fetchLatest: async () => [found[Math.min(polls++, found.length - 1)]].flatMap((each) => each ?? []),
  };
  const id = await waitForMailing({ clock, hurry: 20 }, store, 7).catch((error: unknown) => error);
  return { id, polls, ms: clock.now() - startedAt };
}

test('the mailing is a later announcement than those of earlier rehearsals, and no draft', async () => {
  const draft = summary(8, 'draft');
  expect(await wait([summary(7, 'running'), draft, summary(8, 'running')])).toMatchObject({
    id: 8,
    polls: 3,
  });
});

test('a mailing that has ended before the first poll is found', async () => {
  expect(await wait([summary(8, 'done')])).toMatchObject({ id: 8, polls: 1, ms: 0 });
});

test('without a mailing, the wait ends with an error that says where to look', async () => {
  for (const found of [[], [summary(7, 'done')], [summary(8, 'draft')]]) {
    const { id, ms } = await wait(found);
    expect(id).toMatchObject({
      code: 'OUT_OF_TIME',
      message: expect.stringContaining('--verbose') as string,
    });
    expect(ms).toBe(30_000);
  }
});
