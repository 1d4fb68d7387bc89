import { type BroadcastJob, nextJob, sameJob } from '../job.ts';
import type { Announcement } from '../model/announcement.ts';
import type { Claim, Hop, PageBounds } from '../model/hop.ts';
import type { Context } from '../context.ts';
import { PushError, type PushErrorCode } from '../errors.ts';
import { startLanes, wakeLanes } from './lanes.ts';
import { fetchPage, type Page } from './page.ts';
import { type PageEnd, pushDevices } from './send.ts';
import { failAnnouncement } from '../judge/project.ts';
import { Timetable } from '../pace/timetable.ts';

/**
 * How a hop ended.
 * - `done`: its page is sent and recorded.
 * - `idle`: nothing to do: another run holds the hop or has closed it, or no chain came this way.
 * - `stopped`: the announcement is paused, cancelled, failed or done, or another run took the hop over.
 * - `repeated`: time ran out; a further run of the same hop sends the rest.
 */
export type HopEnd = 'done' | 'idle' | 'stopped' | 'repeated';

export interface HopReport {
  readonly kind: 'broadcast';
  readonly announcementId: number;
  readonly round: number;
  readonly fromId: number;
  readonly end: HopEnd;
  /** Pushes sent and recorded by this run. */
  readonly sent: number;
}

/**
 * A hop that was begun so often without sending anything will not mend itself: a row that cannot be read, say. The
 * announcement fails, and after a resume the hop has as many tries again.
 */
const MAX_FRUITLESS_CLAIMS = 20;

/** Somebody has to mend the configuration first, and then to resume. */
const NOT_MENDED_BY_RETRY: readonly PushErrorCode[] = ['BAD_CREDENTIALS', 'NO_SUCH_SOURCE'];

/** One hop, from its claim to its end. */
export async function runHop(ctx: Context, job: BroadcastJob): Promise<HopReport> {
  const { announcementId, round, fromId } = job;
  const beganAt = ctx.clock.now();
  const report = (end: HopEnd, sent = 0): HopReport => {
    const hop = { kind: job.kind, announcementId, round, fromId, end, sent };
    ctx.log.info('hop ended', hop);
    if (end !== 'idle') ctx.metrics.record({ HopDuration: ctx.clock.now() - beganAt });
    return hop;
  };

  const claim = await claimHop(ctx, job);
  if (claim.kind !== 'claimed') return report('idle');
  const { hop } = claim;
  try {
    await failIfFruitless(ctx, hop);
    const announcement = await ctx.store.fetchAnnouncement(announcementId);
    if (announcement?.status !== 'running') {
      await ctx.store.releaseHop(hop);
      return report('stopped');
    }
    const page = await fetchPage(ctx, hop, announcement);
    const timetable = new Timetable(ctx, hop, announcement, page.pushes);
    // Nobody is invoked before this slot opens, so of a whole chain only its head ever waits.
    const waitsFrom = ctx.clock.now();
    const turn = await timetable.wait(0);
    ctx.metrics.record({ SlotWait: ctx.clock.now() - waitsFrom });
    if (turn !== 'go') return report('stopped');
    const { end, sent } = await workPage(ctx, hop, announcement, page, timetable);
    if (end !== 'done') await ctx.store.releaseHop(hop);
    else if (await ctx.store.closeHop(hop)) await finishIfComplete(ctx, announcementId, round);
    if (end === 'repeated') await ctx.invoker.invoke(ctx.functionName, sameJob(hop));
    return report(end, sent);
  } catch (error) {
    await giveBack(ctx, hop);
    if (!(error instanceof PushError) || !NOT_MENDED_BY_RETRY.includes(error.code)) throw error;
    // Told in the announcement; a retry by Lambda would only find it stopped.
    await failAnnouncement(ctx, hop, error.message);
    return report('stopped');
  }
}

/** Takes the hop; a job that names an announcement not yet started starts it. */
async function claimHop(ctx: Context, job: BroadcastJob): Promise<Claim> {
  const { store, config, requestId } = ctx;
  const owner = `${requestId}/${crypto.randomUUID()}`;
  const claim = await store.claimHop(job, owner, config.leaseMs);
  if (claim.kind !== 'absent' || job.round > 0) return claim;

  const isStarted = await startLanes(ctx, job, await fetchNamed(ctx, job));
  return isStarted ? store.claimHop(job, owner, config.leaseMs) : claim;
}

/** The announcement that a job names; PushError('NO_SUCH_ANNOUNCEMENT') if there is none. */
export async function fetchNamed(
  { store }: Pick<Context, 'store'>,
  { announcementId }: { readonly announcementId: number },
): Promise<Announcement> {
  const announcement = await store.fetchAnnouncement(announcementId);
  if (announcement) return announcement;
  const expected = 'the id of a row in push_announcement';
  throw PushError.of('NO_SUCH_ANNOUNCEMENT', [
    { field: 'announcementId', expected, got: String(announcementId) },
  ]);
}

/** Plants the next hop and wakes it, then sends this page; an announcement's very first chunk is sent ahead of that. */
async function workPage(
  ctx: Context,
  hop: Hop,
  announcement: Announcement,
  { pushes, unsent, bounds }: Page,
  timetable: Timetable,
): Promise<PageEnd> {
  const { store, config } = ctx;
  if (!hop.page && !(await store.turnPage(hop, bounds, config.leaseMs))) return { end: 'stopped', sent: 0 };
  if (unsent.length > 0) await store.recordDeliveries(hop, unsent);
  const canaries = hop.isCanary ? Math.min(config.chunkSize, pushes.length) : 0;
  const canary = await pushDevices(ctx, hop, announcement, pushes, [0, canaries], timetable);
  if (canary.end !== 'done') return canary;
  await handOver(ctx, hop, bounds);
  return pushDevices(ctx, hop, announcement, pushes, [canaries, pushes.length], timetable);
}

async function handOver(ctx: Context, hop: Hop, { nextId }: PageBounds): Promise<void> {
  if (hop.handedOver) return;
  if (nextId !== null) await ctx.invoker.invoke(ctx.functionName, nextJob(hop, nextId));
  if (hop.isCanary) await wakeLanes(ctx, hop);
  if (nextId !== null || hop.isCanary) await ctx.store.markHandedOver(hop);
}

async function failIfFruitless(ctx: Context, hop: Hop): Promise<void> {
  if (hop.claims % MAX_FRUITLESS_CLAIMS > 0) return;
  const where = `the hop at ${hop.fromId}, round ${hop.round}`;
  await failAnnouncement(
    ctx,
    hop,
    `${where}, was begun ${hop.claims} times without sending: the function's log says why`,
  );
}

/**
 * The last hop to close finds none open. What FCM did not take gets a round of its own, which the scan wakes when it is
 * due; without such, the announcement is done.
 */
export async function finishIfComplete(
  { store, config, log, metrics }: Context,
  announcementId: number,
  round: number,
): Promise<void> {
  if ((await store.countHops(announcementId)).open > 0) return;
  if (round + 1 < config.maxAttempts && (await store.plantRound(announcementId, round + 1))) {
    log.info('retry round planted', { announcementId, round: round + 1 });
    return;
  }
  await store.settleRetries(announcementId, round);
  if (await store.finishAnnouncement(announcementId, round)) {
    metrics.record({ AnnouncementsDone: 1 });
    log.info('announcement done', { announcementId, ...(await store.countDeliveries(announcementId)) });
  }
}

/** After an error: the hop is free for the retry at once, not only when its lease has run out. */
async function giveBack({ store, log }: Context, hop: Hop): Promise<void> {
  try {
    await store.releaseHop(hop);
  } catch (second) {
    // The first error is the one to tell; the lease runs out by itself.
    log.error('hop not released', { announcementId: hop.announcementId, why: String(second) });
  }
}
