import type { Approval } from '../config/config.ts';
import type { Announcement } from '../model/announcement.ts';
import { formatCount } from '../words.ts';

/** The number of pushes may differ from the expected one by this share of it. */
const TOLERANCE = 0.1;

/** How the reason of an announcement begins whose audience is not as large as expected: a resume accepts it. */
const UNEXPECTED_AUDIENCE = 'audience: ';

/** The reason of an announcement that nobody has approved yet. */
export const WAITS_FOR_APPROVAL = 'waits for approval';

/** What the start of an announcement depends on. */
export type Startable = Pick<Announcement, 'audience' | 'dryRun' | 'expectedAudience' | 'approvedBy'>;

/**
 * Decides at the start of an announcement to `pushes` whether it may start: null, or why it has to wait, in words for a person.
 * Every way to start one asks here.
 */
export function findReasonToWait(
  announcement: Startable,
  pushes: number,
  { approval }: { readonly approval: Approval },
): string | null {
  const reasons = [
    ...unexpected(announcement.expectedAudience ?? null, pushes),
    ...(isUnapproved(announcement, approval) ? [WAITS_FOR_APPROVAL] : []),
  ];
  return reasons.length === 0 ? null : reasons.join('; ');
}

function unexpected(expected: number | null, pushes: number): string[] {
  if (expected === null || Math.abs(pushes - expected) <= expected * TOLERANCE) return [];
  const numbers = `expected about ${formatCount(expected)}, got ${formatCount(pushes)}`;
  return [`${UNEXPECTED_AUDIENCE}${numbers}: resume to send it all the same`];
}

/**
 * True for an announcement that a second person still has to approve. A mailing needs no approval, since a back end makes one
 * whenever messages are due, nor does a dry run, which no phone shows.
 */
export function isUnapproved(
  { audience, dryRun, approvedBy }: Omit<Startable, 'expectedAudience'>,
  approval: Approval,
): boolean {
  if (approval === 'off' || audience === 'messages' || dryRun) return false;
  return (approvedBy ?? null) === null;
}

/** The numbers that a resume accepts, in the words of the reason; null: it is no reason of an unexpected audience. */
export function audienceIn(reason: string | null): string | null {
  return /^audience: (expected about [\d,]+, got [\d,]+)/.exec(reason ?? '')?.[1] ?? null;
}

/** True if an announcement was paused at its start because nobody had approved it. */
export function waitsForApproval({
  status,
  statusReason,
}: Pick<Announcement, 'status' | 'statusReason'>): boolean {
  return status === 'paused' && (statusReason ?? '').split('; ').includes(WAITS_FOR_APPROVAL);
}
