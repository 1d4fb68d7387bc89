import { type HopSummary, isInterrupted } from '../model/summary.ts';

/**
 * What a hop does at a time.
 * - `starting`: it is planted, and its invocation has not begun.
 * - `retries`: it is the first of a retry round that is not due yet.
 * - `reading`: it reads its page.
 * - `waiting`: it waits for its slot in the budget.
 * - `sending`: it sends its page, or waits for answers.
 */
export type Activity = 'starting' | 'retries' | 'reading' | 'waiting' | 'sending';

export interface Stretch {
  readonly hop: HopSummary;
  readonly activity: Activity;
  readonly from: number;
  readonly to: number;
}

/** No invocation takes longer to start. What is planted for longer has waited for a hop before it that was killed, or for the tick. */
export const MAX_START_MS = 5000;

/** A hop that was interrupted for less is not worth a gap. */
const MIN_GAP_MS = 1000;

/**
 * `stretchesOf` divides the life of a hop, up to `endMs`. Where a hop was interrupted (its invocation was killed, its event
 * was lost), nothing is done, and there is a gap. The row has no time of an interruption: it is assumed in the middle.
 */
export function stretchesOf(hop: HopSummary, endMs: number): Stretch[] {
  const { plantedAt, claimedAt, openedAt, closedAt, work } = hop;
  const make = (activity: Activity, from: number, to: number): Stretch[] =>
    to > from ? [{ hop, activity, from, to }] : [];
  if (claimedAt === null) {
    // An earlier release has worked on it, and has not recorded when.
    return closedAt === null ? beforeClaim(hop, endMs) : make('sending', plantedAt, closedAt);
  }
  const begin = [...beforeClaim(hop, claimedAt), ...make('reading', claimedAt, claimedAt + work.readMs)];
  const readAt = claimedAt + work.readMs;
  if (openedAt === null) return [...begin, ...make('waiting', readAt, activeUntil(hop, endMs))];
  const to = closedAt ?? endMs;
  const waited = make('waiting', readAt, openedAt);
  const hasGaps = isInterrupted(hop) || !(hop.isHeld || closedAt !== null);
  const gapMs = to - openedAt - work.sendMs;
  if (!hasGaps || gapMs < MIN_GAP_MS) return [...begin, ...waited, ...make('sending', openedAt, to)];
  // A repeat waits for a slot of its own.
  const againMs = Math.min(gapMs, Math.max(0, work.waitMs - Math.max(0, openedAt - readAt)));
  const isGivenUp = closedAt === null && !hop.isHeld;
  const half = isGivenUp ? work.sendMs : work.sendMs / 2;
  const resumedAt = to - (work.sendMs - half);
  return [
    ...begin,
    ...waited,
    ...make('sending', openedAt, openedAt + half),
    ...make('waiting', resumedAt - againMs, resumedAt),
    ...make('sending', resumedAt, to),
  ];
}

function beforeClaim(hop: HopSummary, to: number): Stretch[] {
  const { round, fromId, plantedAt: from, woken, leaseUntil, claimedAt } = hop;
  // The tick wakes a retry round when it is due.
  if (round > 0 && fromId === 0) return [{ hop, activity: 'retries', from, to }];
  if (claimedAt === null)
    return makeStart(hop, from, Math.min(to, leaseUntil, from + (woken > 0 ? 0 : MAX_START_MS)));
  const isLost = woken > 0 && claimedAt - from > MAX_START_MS;
  return isLost ? [] : makeStart(hop, Math.max(from, claimedAt - MAX_START_MS), claimedAt);
}

function makeStart(hop: HopSummary, from: number, to: number): Stretch[] {
  return to > from ? [{ hop, activity: 'starting', from, to }] : [];
}

/** A hop that nobody holds, and whose time to be woken is over, has been waiting for nobody since. */
function activeUntil({ isHeld, leaseUntil, closedAt }: HopSummary, endMs: number): number {
  return closedAt ?? (isHeld ? endMs : Math.min(endMs, leaseUntil));
}
