import type { Context } from '../context.ts';
import type { BroadcastJob } from '../job.ts';
import { type Announcement, BEFORE_START, isSeries } from '../model/announcement.ts';
import { quietUntil } from '../model/quiet-hours.ts';
import { spareMsOf } from '../pace/hold.ts';
import { formatTime } from '../words.ts';
import { MAX_LATE_MS } from './series.ts';

type Starter = Pick<Context, 'store' | 'config' | 'clock' | 'log' | 'actor'>;

/**
 * Waits for the time of an announcement that the tick has seen to come; false if it is not to start then, or if this
 * invocation ends before: the tick starts it. A job without such a time goes on at once.
 */
export async function waitForStart(
  ctx: Context,
  { announcementId, startsAt }: BroadcastJob,
): Promise<boolean> {
  if (startsAt === undefined) return true;
  const { store, clock } = ctx;
  const waitMs = startsAt - clock.now();
  if (waitMs >= spareMsOf(ctx)) return false;
  if (waitMs > 0) await clock.sleep(waitMs);
  // It may have been moved, cancelled or started meanwhile.
  const dueAt = await store.fetchDueTime(announcementId);
  return dueAt !== null && dueAt <= Math.max(startsAt, clock.now());
}

/**
 * True if an announcement may start now. False for one that is sent in parts; for a part whose announcement is paused, or
 * cancelled; and in quiet hours, which hold it or let it expire.
 */
export async function isTimeToStart(ctx: Starter, announcement: Announcement): Promise<boolean> {
  const { announcementId } = announcement;
  if (isSeries(announcement)) {
    ctx.log.info('announcement not started', { announcementId, why: 'it is sent in parts' });
    return false;
  }
  return (await isPartToStart(ctx, announcement)) && !(await isHeld(ctx, announcement));
}

/** Milliseconds until the quiet hours of a source end; 0: there are none now. A dry run shows nothing on any phone. */
export function quietMsOf(
  { config, clock }: Pick<Context, 'config' | 'clock'>,
  { source, dryRun }: Pick<Announcement, 'source' | 'dryRun'>,
): number {
  const now = clock.now();
  const until = dryRun ? null : quietUntil(config.sources.get(source)?.quietHours, now);
  return until === null ? 0 : until - now;
}

/** What quiet hours do with an announcement. */
export interface Quiet {
  readonly reason: string;
  /** False: it waits for their end. */
  readonly isCancelled: boolean;
}

/**
 * In the quiet hours of its source, cancels an announcement that has not started, or schedules it for their end, as their rule
 * says; one that has started goes on then. Null: there are none now. Every way to start one asks here.
 */
export async function heedQuietHours(
  ctx: Pick<Starter, 'store' | 'config' | 'clock' | 'actor'>,
  announcement: Announcement,
): Promise<Quiet | null> {
  const { store, config, clock, actor } = ctx;
  const { announcementId, source } = announcement;
  const quietMs = quietMsOf(ctx, announcement);
  if (quietMs === 0) return null;
  const until = clock.now() + quietMs;
  const reason = `quiet hours until ${formatTime(until)} UTC`;
  switch (config.sources.get(source)?.quietHours?.rule) {
    case 'expire':
      return {
        reason,
        isCancelled: await store.moveAnnouncement(announcementId, BEFORE_START, 'cancelled', reason, actor),
      };
    case 'hold':
    case undefined:
      await store.holdAnnouncement(announcementId, until, reason, actor);
      return { reason, isCancelled: false };
  }
}

async function isPartToStart(
  { store, clock, actor }: Starter,
  { announcementId, partOf = null }: Announcement,
): Promise<boolean> {
  if (partOf === null) return true;
  const cancel = async (reason: string): Promise<false> => {
    await store.moveAnnouncement(announcementId, BEFORE_START, 'cancelled', reason, actor);
    return false;
  };
  const parent = await store.fetchAnnouncement(partOf);
  if (parent?.status === 'cancelled')
    return cancel(`announcement ${partOf}, which it is a part of, is cancelled`);
  if (parent?.status === 'paused') return false;
  const dueAt = await store.fetchDueTime(announcementId);
  if (dueAt !== null && dueAt < clock.now() - MAX_LATE_MS)
    return cancel('skipped: late by more than an hour');
  return true;
}

async function isHeld(ctx: Starter, announcement: Announcement): Promise<boolean> {
  const quiet = await heedQuietHours(ctx, announcement);
  if (quiet === null) return false;
  ctx.log.info('announcement not started', {
    announcementId: announcement.announcementId,
    why: quiet.reason,
  });
  return true;
}
