import { collapseKeyOf } from '../model/delivery.ts';
import type { Announcement } from '../model/announcement.ts';
import type { Delivery, Outcome } from '../model/delivery.ts';
import type { Addressee, Context } from '../context.ts';
import { brake } from '../pace/reserve.ts';

/** From this share of a chunk on, it is FCM that is down, and so many pushes are no accident. */
const OUTAGE_SHARE = 0.9;
const MIN_OUTAGE_PUSHES = 10;

/** No answer, or one that tells of FCM's own trouble: by the reason of the verdict, and in words for a person. */
const TROUBLES: readonly (readonly [RegExp, string])[] = [
  [/^NO_CONNECTION/, 'there is no connection to FCM'],
  [/^(TIMEOUT|NOT_SENT|NO_ANSWER|app\/network-timeout)/, 'FCM does not answer'],
  [/^(UNAVAILABLE|INTERNAL|UNSPECIFIED_ERROR|HTTP_5\d\d)/, 'FCM is down'],
  [/^(RESET_|REFUSED_STREAM|UNREADABLE_REPLY|app\/|messaging\/)/, 'FCM breaks off its answers'],
];

/**
 * What ails FCM, if that is what these say, to be followed by `until` and a time; null if it works. A few that all fail say
 * so only if they are the first of all, or sent to find out.
 */
export function explainOutage(outcomes: readonly Outcome[], smallSampleCounts: boolean): string | null {
  const failed = outcomes.flatMap(({ verdict, reason }) =>
    verdict === 'retryable' || verdict === 'unknown' ? (reason ?? []) : [],
  );
  const troubles = failed.filter((reason) => findTrouble(reason) !== undefined);
  const isMuch = troubles.length >= Math.max(MIN_OUTAGE_PUSHES, outcomes.length * OUTAGE_SHARE);
  const isAll = troubles.length === outcomes.length && outcomes.length > 0;
  if (!isMuch && !(isAll && smallSampleCounts)) return null;
  const [first = ''] = troubles;
  return `${findTrouble(first)} (${[...new Set(troubles)].join(', ')}): waiting`;
}

/** What FCM did not take is nobody's attempt: it goes first once FCM is up again. */
export function keepAttempts(outcomes: readonly Outcome[], deliveries: readonly Delivery[]): Delivery[] {
  return deliveries.map((delivery, nth) =>
    outcomes[nth]?.verdict === 'retryable' ? { ...delivery, verdict: 'unsent', retryInMs: null } : delivery,
  );
}

/**
 * Finds out whether FCM is up again, or the source is stopped for longer. It is asked to check a few messages and to show
 * none (`validate_only`), so that nobody's push is spent on that.
 */
export async function askAgain(
  ctx: Context,
  { announcementId, source, content, ttlSeconds }: Announcement,
  devices: readonly Addressee[],
): Promise<void> {
  const sender = await ctx.senders.of(source);
  const batch = {
    content,
    ttlSeconds,
    collapseKey: collapseKeyOf({ announcementId }),
    dryRun: true,
    devices,
  };
  const deadline = AbortSignal.timeout(ctx.config.fcm.timeoutMs);
  const reason = explainOutage(await sender.send(batch, deadline), true);
  if (reason !== null) return stopForOutage(ctx, source, reason, 0);
  await ctx.store.endOutage(source);
  ctx.log.info('FCM is up again', { source });
}

export function stopForOutage(ctx: Context, source: string, reason: string, tookMs: number): Promise<void> {
  return brake(ctx, source, { pauseMs: ctx.config.retryMs, reason, isOutage: true, tookMs });
}

function findTrouble(reason: string): string | undefined {
  return TROUBLES.find(([pattern]) => pattern.test(reason))?.[1];
}
