import type { Counts } from './delivery.ts';
import type { HopKey } from './hop.ts';

/*
 * What hops and announcements have done, in numbers that each hop keeps in its own row. Nothing here is counted in the
 * ledger, so that it costs the same for ten devices and for two million.
 */

/** Upper bounds of the buckets of FCM's answer times, in milliseconds (inclusive); a last bucket has no bound. */
export const ANSWER_BUCKETS_MS = [
  5, 10, 15, 20, 30, 40, 50, 60, 80, 100, 125, 150, 175, 200, 250, 300, 350, 400, 500, 600, 700, 800, 1000,
  1250, 1500, 2000, 2500, 3000, 4000, 5000, 7500, 10_000, 15_000, 20_000,
] as const;

/** Answers with one reason. Times are milliseconds since the epoch. */
export interface ReasonTally {
  readonly pushes: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** What the invocations of one hop have done, together. Times are in milliseconds. */
export interface HopWork {
  /** Waits for a slot in the budget. */
  readonly waitMs: number;
  /** Reading of the page. */
  readonly readMs: number;
  /** From the first push until the hop waits for no answer any more; recording included. */
  readonly sendMs: number;
  /** Waits for the database to take answers. They overlap with sending. */
  readonly recordMs: number;
  /** Pushes sent to FCM, repeats of a push included. */
  readonly sent: number;
  /** Number of answers by ANSWER_BUCKETS_MS; empty buckets at the end may be left out. */
  readonly answers: readonly number[];
  /** What FCM, or Baton in its place, has said of pushes that were not delivered, by reason. */
  readonly reasons: Readonly<Record<string, ReasonTally>>;
}

/** Further reasons of one hop are counted together, as OTHER_REASONS: FCM has few, but Baton does not choose them. */
const MAX_REASONS = 30;
const OTHER_REASONS = 'OTHER';

/** `nameOfReason` is the name under which a reason is counted beside the `size` reasons that a hop has already. */
export function nameOfReason(reason: string, isNew: boolean, size: number): string {
  return isNew && size >= MAX_REASONS ? OTHER_REASONS : reason;
}

/** Answers by what they say. */
export type Reasons = HopWork['reasons'];

/** `addReasons` adds up two tallies. */
export function addReasons(one: Reasons, other: Reasons): Reasons {
  const sum: Record<string, ReasonTally> = { ...one };
  for (const [reason, tally] of Object.entries(other)) {
    const { pushes, firstAt, lastAt } = sum[reason] ?? { ...tally, pushes: 0 };
    sum[reason] = {
      pushes: pushes + tally.pushes,
      firstAt: Math.min(firstAt, tally.firstAt),
      lastAt: Math.max(lastAt, tally.lastAt),
    };
  }
  return sum;
}

/** The work of a hop that has done nothing yet. */
export const NO_WORK: HopWork = {
  waitMs: 0,
  readMs: 0,
  sendMs: 0,
  recordMs: 0,
  sent: 0,
  answers: [],
  reasons: {},
};

/** One hop and what it has done. Times are milliseconds since the epoch; null: not yet. */
export interface HopSummary extends HopKey {
  readonly lastId: number | null;
  readonly nextId: number | null;
  readonly plantedAt: number;
  /** When an invocation began it first. */
  readonly claimedAt: number | null;
  /** When its slot opened, and sending began. */
  readonly openedAt: number | null;
  readonly closedAt: number | null;
  /** When it counts as stalled, if it is open. */
  readonly leaseUntil: number;
  /** True while an invocation holds it. */
  readonly isHeld: boolean;
  /** How often the tick has woken it: its event was lost, its invocation was killed, or a retry became due. */
  readonly woken: number;
  /** How often its lease had run out at a claim: the claimant before was killed, or hung. */
  readonly takenOver: number;
  /** How often an invocation gave it back unfinished, and why the last time. */
  readonly givenBack: number;
  readonly backReason: string | null;
  /** Number of pushes of its page; null: not read yet. In a retry round these are not new to the audience. */
  readonly devices: number | null;
  /** By how much the hop has changed the number of the ledger's rows of each verdict: a retry round takes from `retryable`. */
  readonly counts: Counts;
  readonly work: HopWork;
}

/** How often the tick has woken a hop that was interrupted: the first hop of a retry round is woken when it is due. */
export function wakeUpsOf({ round, fromId, woken }: Pick<HopSummary, 'round' | 'fromId' | 'woken'>): number {
  return round > 0 && fromId === 0 ? Math.max(0, woken - 1) : woken;
}

/** True if an invocation of the hop was killed or gave it back, or its event was lost. */
export function isInterrupted(hop: HopSummary): boolean {
  return hop.takenOver > 0 || hop.givenBack > 0 || wakeUpsOf(hop) > 0;
}

/** The pushes that an announcement is for, counted when it started. */
export interface AudienceCount {
  readonly devices: number;
  /** The last device id that the announcement reads (inclusive); null for a mailing. */
  readonly lastId: number | null;
  readonly countedAt: number;
  /** Since when its deliveries are deleted, in milliseconds since the epoch; null: they are there. */
  readonly prunedAt: number | null;
}

/** The sums over the hops of one announcement. */
export interface Totals {
  readonly announcementId: number;
  /** Null: it started under a release that did not count, or has not started. */
  readonly audience: AudienceCount | null;
  /** Pushes of the pages that round 0 has read so far. */
  readonly read: number;
  /** True if round 0 has read all pages: what is not in them is left out. */
  readonly isRead: boolean;
  /** Rows of the ledger by verdict. */
  readonly counts: Counts;
  readonly hops: { readonly open: number; readonly closed: number };
  /** False: some hops are of a release that did not count. Then only the ledger knows the counts. */
  readonly isCounted: boolean;
}

/** Where the pushes of an audience are: all numbers but `audience` add up to it. */
export interface Balance {
  readonly audience: number;
  /** Devices that were deleted or unregistered between the start and the reading of their page. */
  readonly excluded: number;
  readonly delivered: number;
  readonly unregistered: number;
  readonly rejected: number;
  /** No answer arrived, so FCM may or may not have accepted them. */
  readonly unknown: number;
  /** Not sent yet, or to be sent again. */
  readonly unsent: number;
}

/** Makes the balance of an announcement; null if it has not started, or nobody counted its audience. */
export function balanceOf({ audience, read, isRead, counts }: Totals): Balance | null {
  if (audience === null) return null;
  // A device that was unregistered at the start and has come back since is in a page, and so in the audience.
  const size = Math.max(audience.devices, read);
  const excluded = isRead ? size - read : 0;
  const { delivered, unregistered, rejected, unknown } = counts;
  const unsent = size - excluded - delivered - unregistered - rejected - unknown;
  return { audience: size, excluded, delivered, unregistered, rejected, unknown, unsent };
}

/** Makes the balance of an announcement by the numbers of its hops; null also if an earlier release did not keep them. */
export function balanceIfCounted(totals: Totals | undefined): Balance | null {
  return totals?.isCounted ? balanceOf(totals) : null;
}

/** The answer time that a share of the answers (0 to 1) did not exceed, in milliseconds; null without an answer. */
export function quantileOf(answers: readonly number[], share: number): number | null {
  const total = answers.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let below = 0;
  for (const [nth, count] of answers.entries()) {
    if (count > 0 && below + count >= share * total) {
      const from = ANSWER_BUCKETS_MS[nth - 1] ?? 0;
      const to = ANSWER_BUCKETS_MS[nth] ?? 2 * from;
      return from + (to - from) * ((share * total - below) / count);
    }
    below += count;
  }
  return null;
}

/** The bucket of an answer time, as an index of ANSWER_BUCKETS_MS. */
export function bucketOf(ms: number): number {
  let low = 0;
  let high: number = ANSWER_BUCKETS_MS.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ms <= (ANSWER_BUCKETS_MS[middle] ?? Infinity)) high = middle;
    else low = middle + 1;
  }
  return low;
}
