import type { Context } from '../context.ts';
import { isBadRow, messageOf } from '../errors.ts';
import {
  ANNOUNCEMENT_ALERT_KINDS,
  type AnnouncementAlertKind,
  type NewAlert,
  type Watch,
} from '../model/alert.ts';
import type { Announcement } from '../model/announcement.ts';
import { type Budget, stopOf } from '../model/budget.ts';
import type { Totals } from '../model/summary.ts';
import { channelsOf } from './channels.ts';
import { composeAlert, failuresOf } from './compose.ts';

/** The latest running announcements that a tick looks at. */
const MAX_WATCHES = 100;

/** A source that is held up at two looks was so in between, unless no tick has come for longer than this. */
const MAX_LOOK_MS = 300_000;

/** Fewer answers of a running announcement say nothing about its rate: the oldest devices come first. */
const MIN_ANSWERS = 1000;

type Watcher = Pick<Context, 'store' | 'config' | 'clock' | 'log'>;

/** Makes the alerts about running announcements that stall, are throttled for long or fail too often. */
export async function watchRunning(ctx: Watcher): Promise<number> {
  const { store, config, log } = ctx;
  const watches = await store.fetchWatches(MAX_WATCHES);
  const totalsOf = await store.fetchTotals(watches.map(({ announcementId }) => announcementId));
  for (const watch of watches) {
    const { announcementId } = watch;
    try {
      const announcement = await store.fetchAnnouncement(announcementId);
      const totals = totalsOf.get(announcementId);
      if (!announcement || !totals || announcement.problem !== null) continue;
      const budget = await store.fetchBudget(announcement.source, announcementId);
      const sight = judgeWatch(watch, totals, budget, config);
      const alerts = alertsOf(ctx, announcement, totals, sight);
      await store.addAlerts(alerts, channelsOf(config.alerts));
      await store.recordWatch(announcementId, sight);
    } catch (error) {
      if (!isBadRow(error)) throw error;
      log.error('announcement not watched', { announcementId, why: messageOf(error) });
    }
  }
  await store.forgetWatches();
  return watches.length;
}

/** What a tick sees of a running announcement. */
export interface Sight {
  readonly progress: string;
  /** True if nothing has changed since the tick before, and there is nothing to wait for. */
  readonly isQuiet: boolean;
  readonly quietMs: number;
  /** True while FCM throttles the source, or is down. */
  readonly isHeld: boolean;
  /** Milliseconds, in total, for which it was so. */
  readonly heldMs: number;
  /** Milliseconds for which it will be so at least. */
  readonly brakeMs: number;
}

/** Compares an announcement with what the tick before saw of it. */
export function judgeWatch(
  watch: Watch,
  { counts, hops, read }: Pick<Totals, 'counts' | 'hops' | 'read'>,
  budget: Pick<Budget, 'brakeMs' | 'outages' | 'turnInMs'>,
  { leaseMs }: { readonly leaseMs: number },
): Sight {
  const progress = [hops.open, hops.closed, read, ...Object.values(counts)].join('/');
  const isHeld = stopOf(budget) !== null;
  // The tick wakes a stalled hop within a lease, again and again: only a later time is one that it waits for.
  const isWaiting = isHeld || budget.turnInMs > 0 || (watch.dueInMs !== null && watch.dueInMs > leaseMs);
  const isQuiet = progress === watch.progress && !isWaiting;
  const isSeen = watch.progress !== null;
  return {
    progress,
    isQuiet,
    quietMs: isQuiet ? watch.quietMs : 0,
    isHeld,
    heldMs: watch.heldMs + (isHeld && isSeen ? Math.min(watch.lookedMs, MAX_LOOK_MS) : 0),
    brakeMs: Math.max(0, budget.brakeMs),
  };
}

function alertsOf(
  ctx: Watcher,
  announcement: Announcement,
  totals: Totals,
  { isHeld, heldMs, brakeMs, quietMs }: Sight,
): NewAlert[] {
  const { kinds, throttledMs, stalledMs, failurePercent } = ctx.config.alerts;
  const counts = totals.isCounted ? totals.counts : null;
  const { percent, answered } = failuresOf(counts, false);
  const lasting = { throttled: heldMs + brakeMs, stalled: quietMs };
  const isTrue: Partial<Record<AnnouncementAlertKind, boolean>> = {
    throttled: isHeld && lasting.throttled >= throttledMs,
    stalled: quietMs >= stalledMs,
    'failure-rate': answered >= MIN_ANSWERS && percent >= failurePercent,
  };
  return ANNOUNCEMENT_ALERT_KINDS.filter((kind) => kinds.includes(kind) && isTrue[kind]).map((kind) => {
    const lastedMs = kind === 'throttled' ? lasting.throttled : quietMs;
    const reason = kind === 'throttled' ? announcement.statusReason : null;
    const occasion = {
      kind,
      at: ctx.clock.now(),
      announcement,
      totals,
      counts,
      reason,
      isOver: false,
      lastedMs,
    };
    return { cause: 0, alert: composeAlert(ctx, occasion) };
  });
}
