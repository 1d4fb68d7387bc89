import type { Context } from '../context.ts';
import { describeFailure, isBadRow, PushError, type PushErrorCode } from '../errors.ts';
import { makeId } from '../id.ts';
import { type BroadcastJob, nextJob, sameJob } from '../job.ts';
import { isSendable } from '../model/announcement.ts';
import type { Claim, Hop, HopKey } from '../model/hop.ts';
import { waitHolding } from '../pace/hold.ts';
import { TAKEOVER_WAIT_MS } from '../pace/record.ts';
import { Timetable } from '../pace/timetable.ts';
import { failAnnouncement } from './announcement.ts';
import { finishIfComplete } from './finish.ts';
import { startLanes, wakeLanes } from './lanes.ts';
import { fetchPage, type Page } from './page.ts';
import { PageSender, type SendReport } from './send.ts';
import { quietMsOf, waitForStart } from './start-time.ts';
import { Tally } from './tally.ts';

/**
 * What an invocation did for a hop.
 * - `done`: its page is sent and recorded.
 * - `idle`: nothing to do: another invocation holds the hop or has closed it, or no hop was planted here.
 * - `stopped`: the announcement is paused, cancelled, failed or done, or another invocation took the hop over.
 * - `repeated`: the time ran out; another invocation of the same hop sends the rest.
 */
export interface HopReport extends HopKey {
  readonly kind: 'broadcast';
  readonly end: SendReport['end'] | 'idle';
  /** Pushes sent and recorded by this invocation. */
  readonly sent: number;
}

/**
 * A hop that was claimed so often without recording anything does not recover by itself: a row that cannot be read, for
 * example. The announcement fails; after a resume the hop has as many attempts again.
 */
const MAX_FRUITLESS_CLAIMS = 20;

/** Each claim whose answers cannot be recorded sends some pushes again, so after this many the announcement fails. */
const MAX_UNRECORDED_CLAIMS = 3;

/** Errors after pushes were sent: their answers are not recorded. */
const UNRECORDED: readonly PushErrorCode[] = ['NOT_RECORDED', 'BAD_REPLY'];

/** Errors that a person has to fix before the announcement is resumed: a retry by Lambda would only fail again. */
const NOT_FIXED_BY_RETRY: readonly PushErrorCode[] = ['BAD_CREDENTIALS', 'NO_SUCH_SOURCE'];

const STOPPED: SendReport = { end: 'stopped', sent: 0 };
const NOTHING_SENT: SendReport = { end: 'done', sent: 0 };

/** Works one hop, from its claim to its end. */
export async function runHop(ctx: Context, job: BroadcastJob): Promise<HopReport> {
  const { store, invoker, functionName, clock } = ctx;
  const report = makeReporter(ctx, job);
  const claim = await claimHop(ctx, job);
  if (claim.kind !== 'claimed') return report({ end: 'idle', sent: 0 });
  const { hop } = claim;
  try {
    await failIfFruitless(ctx, hop);
    const announcement = await store.fetchAnnouncement(hop.announcementId);
    if (announcement?.status !== 'running') return report(await leave(ctx, hop, STOPPED));
    if (!isSendable(announcement)) {
      await failAnnouncement(ctx, hop.announcementId, announcement.problem ?? 'it has no content');
      return report(await leave(ctx, hop, STOPPED));
    }

    // Quiet hours stop a running announcement too: the tick wakes the hop at their end, whatever their rule.
    const quietMs = quietMsOf(ctx, announcement);
    if (quietMs > 0) {
      await store.postponeHop(hop, quietMs);
      return report(STOPPED);
    }

    // The claimant before may be about to record what it has sent: see recordPatiently.
    const waitMs = hop.isTakenOver ? TAKEOVER_WAIT_MS : 0;
    if (!(await waitHolding(ctx, hop, waitMs))) return report(await leave(ctx, hop, STOPPED));

    const tally = new Tally(hop, announcement);
    const startedAt = clock.now();
    const page = await fetchPage(ctx, hop, announcement);
    const readAt = clock.now();
    const { pushes, bounds } = page;
    tally.takePushes(pushes);
    const timetable = new Timetable(ctx, hop, announcement, pushes);
    // The next hop is not invoked before this slot opens, so of a whole chain only the head ever waits.
    if ((await timetable.waitForSlot()) !== 'go') return report(await leave(ctx, hop, STOPPED));
    tally.readMs = readAt - startedAt;
    tally.waitMs = clock.now() - readAt;
    if (!(await turnPage(ctx, hop, page))) return report(await leave(ctx, hop, STOPPED));
    // What cannot be recorded would be sent again by every repeat, so it is not sent at all.
    if (pushes.length > 0 && !(await store.proveRecording(hop)))
      return report(await leave(ctx, hop, STOPPED));

    const sender = await PageSender.open(ctx, hop, announcement, { pushes, timetable, tally });
    // The first pushes of an announcement are judged before anything else is sent.
    const canary = (hop.isCanary ? await sender?.sendCanary() : null) ?? NOTHING_SENT;
    if (canary.end !== 'done') return report(await leave(ctx, hop, canary));

    // Hand over the baton: the next hop starts now, while this one sends its own page.
    if (!hop.handedOver) {
      if (bounds.nextId !== null) await invoker.invoke(functionName, nextJob(hop, bounds.nextId));
      if (hop.isCanary) await wakeLanes(ctx, hop);
      if (bounds.nextId !== null || hop.isCanary) await store.markHandedOver(hop);
    }

    // The last hop of a lane leaves its place to no other.
    const rest = (await sender?.sendRest({ mayLeave: bounds.nextId !== null })) ?? NOTHING_SENT;
    if (rest.end !== 'done') return report(await leave(ctx, hop, rest));
    if (await store.closeHop(hop, tally.work)) await finishIfComplete(ctx, hop);
    return report(rest);
  } catch (error) {
    return report(await giveBack(ctx, hop, error));
  }
}

/** Takes the hop; if the announcement has not started yet, starts it first. */
async function claimHop(ctx: Context, job: BroadcastJob): Promise<Claim> {
  const { store, config, requestId } = ctx;
  if (!(await waitForStart(ctx, job))) return { kind: 'absent' };
  const owner = `${requestId}/${makeId()}`;
  const claim = await store.claimHop(job, owner, config.leaseMs);
  if (claim.kind !== 'absent' || job.round > 0) return claim;

  const isStarted = await startLanes(ctx, job);
  return isStarted ? store.claimHop(job, owner, config.leaseMs) : claim;
}

async function failIfFruitless(ctx: Context, hop: Hop): Promise<void> {
  if (hop.claims % MAX_FRUITLESS_CLAIMS > 0) return;
  const where = `the hop at ${hop.fromId}, round ${hop.round}`;
  const reason = `${where}, was claimed ${hop.claims} times without recording anything: the function's log says why`;
  await failAnnouncement(ctx, hop.announcementId, reason);
}

/** Records the page's bounds and plants the next hop, so that a lost invoke is found by the tick; false if the hop is lost. */
async function turnPage(
  { store, config }: Context,
  hop: Hop,
  { pushes, bounds, undeliverable }: Page,
): Promise<boolean> {
  const size = pushes.length + undeliverable.length;
  if (!hop.page && !(await store.turnPage(hop, bounds, config.leaseMs, size))) return false;
  if (undeliverable.length > 0) await store.recordDeliveries(hop, undeliverable);
  return true;
}

/** Gives an unfinished hop back; a `repeated` one is invoked again at once. */
async function leave(ctx: Context, hop: Hop, report: SendReport): Promise<SendReport> {
  await ctx.store.releaseHop(hop, report.why);
  if (report.end === 'repeated') await ctx.invoker.invoke(ctx.functionName, sameJob(hop));
  return report;
}

/**
 * Gives the hop back after an error: it is free for Lambda's retry at once, and not only when its lease has run out. Throws
 * the error, unless a retry cannot help: then the announcement fails with the reason.
 */
async function giveBack(ctx: Context, hop: Hop, error: unknown): Promise<SendReport> {
  const { store, log } = ctx;
  const reason = explainEnd(hop, error);
  try {
    if (reason === null) throw error;
    await failAnnouncement(ctx, hop.announcementId, reason);
    return STOPPED;
  } finally {
    await store.releaseHop(hop, describeFailure(error)).catch((second: unknown) => {
      // The first error is the one to report; the lease runs out by itself.
      log.error('hop not released', { announcementId: hop.announcementId, why: describeFailure(second) });
    });
  }
}

/** Why an error is the end of the announcement; null if Lambda's retry may help. */
function explainEnd({ claims, fromId, round }: Hop, error: unknown): string | null {
  if (!(error instanceof PushError)) return null;
  if (isFinal(error)) return error.message;
  if (!UNRECORDED.includes(error.code) || claims < MAX_UNRECORDED_CLAIMS) return null;
  return `the hop at ${fromId}, round ${round}, was claimed ${claims} times without recording anything: ${error.message}`;
}

function isFinal(error: PushError): boolean {
  return NOT_FIXED_BY_RETRY.includes(error.code) || isBadRow(error);
}

/** Logs and measures the end of a hop; its duration counts from this call. */
function makeReporter(
  { clock, log, metrics }: Context,
  { announcementId, round, fromId }: HopKey,
): (end: Pick<HopReport, 'end' | 'sent'>) => HopReport {
  const startedAt = clock.now();
  return ({ end, sent }) => {
    const report = { kind: 'broadcast', announcementId, round, fromId, end, sent } as const;
    log.info('hop ended', report);
    if (end !== 'idle') metrics.record({ HopDuration: clock.now() - startedAt });
    return report;
  };
}
