import { type CheckReport, recordCheck } from '../alert/record-check.ts';
import type { Context } from '../context.ts';
import type { CheckJob } from '../job.ts';
import { MAX_CANARIES, roundOf } from '../model/canary.ts';
import { examineCanaries } from './judge.ts';
import { sendRound } from './send.ts';

/** Rounds are kept so long. */
const KEEP_MS = 90 * 86_400_000;

/**
 * Sends silent pushes to the team's own phones, which have to answer: a round a day, and one before an announcement. What FCM
 * refuses is recorded at once; the tick judges who has not answered in time.
 */
export async function runCanary(ctx: Context, job: CheckJob): Promise<CheckReport> {
  const { store, config, clock } = ctx;
  const phones = config.receipts ? await store.fetchCanaries(MAX_CANARIES) : [];
  const reached = phones.filter(({ unregisteredAt }) => unregisteredAt === null);
  if (reached.length > 0) {
    const source = await sourceOf(ctx, job);
    await sendRound(ctx, roundOf(clock.now(), job.announcementId), source, reached);
    await store.pruneCanaries(KEEP_MS);
  }
  return recordCheck(ctx, job, await examineCanaries(ctx));
}

/** A device belongs to no source: the round goes the way that the announcement will go. */
async function sourceOf({ store, config }: Context, { announcementId }: CheckJob): Promise<string> {
  const announcement = announcementId === undefined ? null : await store.fetchAnnouncement(announcementId);
  return announcement?.source ?? config.source;
}
