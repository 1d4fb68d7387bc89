import { isDeepStrictEqual } from 'node:util';
import type { Approval } from '../config/config.ts';
import { type Announcement, isSeries } from '../model/announcement.ts';
import type { Store } from '../store.ts';
import type { AcceptedAudience } from '../store/announcements.ts';
import { formatCount } from '../words.ts';

/** The number of pushes may differ from the expected one by so many percent of it. */
const TOLERANCE_PERCENT = 10;

/** How the reason of an announcement begins whose audience is not as large as expected: a resume accepts it. */
const UNEXPECTED_AUDIENCE = 'audience: ';

/** The reason of an announcement that nobody has approved yet. */
export const WAITS_FOR_APPROVAL = 'waits for approval';

/** What the start of an announcement depends on, beside its numbers. */
export type Startable = Omit<Announcement, 'status' | 'statusReason' | 'edited' | 'acceptUnregistered'>;

/** The announcement that another one is a part of, if that may spare it an approval of its own. */
export async function fetchParent(
  { store }: { readonly store: Pick<Store, 'fetchAnnouncement'> },
  { partOf = null, approvedBy = null }: Pick<Announcement, 'partOf' | 'approvedBy'>,
): Promise<Startable | null> {
  return partOf === null || approvedBy !== null ? null : store.fetchAnnouncement(partOf);
}

/**
 * Decides at the start of an announcement to `pushes` whether it may start: null, or why it has to wait, in words for a person.
 * Every way to start one asks here.
 */
export function findReasonToWait(
  announcement: Startable,
  pushes: number,
  { approval, parent = null }: Approvals,
): string | null {
  const reasons = [
    ...unexpected(announcement.expectedAudience ?? null, pushes),
    ...(isUnapproved(announcement, { approval, parent }) ? [WAITS_FOR_APPROVAL] : []),
  ];
  return reasons.length === 0 ? null : reasons.join('; ');
}

function unexpected(expected: number | null, pushes: number): string[] {
  if (expected === null || 100 * Math.abs(pushes - expected) <= TOLERANCE_PERCENT * expected) return [];
  const numbers = `expected about ${formatCount(expected)}, got ${formatCount(pushes)}`;
  return [`${UNEXPECTED_AUDIENCE}${numbers}: resume to send it all the same`];
}

export interface Approvals {
  readonly approval: Approval;
  /** See `fetchParent`; absent or null: there is none. */
  readonly parent?: Startable | null;
}

/**
 * True for an announcement that a second person still has to approve. A mailing needs no approval, since a back end makes one
 * whenever messages are due, nor does a dry run, which no phone shows, nor a part that sends what was approved as a whole.
 */
export function isUnapproved(announcement: Startable, { approval, parent = null }: Approvals): boolean {
  const { audience, dryRun, approvedBy = null } = announcement;
  if (approval === 'off' || audience === 'messages' || dryRun || approvedBy !== null) return false;
  return parent === null || (parent.approvedBy ?? null) === null || !isCovered(announcement, parent);
}

/** True if a part sends what the whole sends, in the same way, to no device that the whole does not send to. */
function isCovered(part: Startable, whole: Startable): boolean {
  if (!isSeries(whole)) return false;
  const [zones, allZones] = [part.filter?.timeZone, whole.filter?.timeZone];
  if (allZones && !zones?.every((zone) => allZones.includes(zone))) return false;
  return isDeepStrictEqual(sentOf(part), sentOf(whole));
}

/** What of an announcement has to be the same in its parts. They may be for some of its time zones only. */
function sentOf({ audience, source, content, locales = null, template = null, ...more }: Startable) {
  const { filter, dryRun, guarantee, ttlSeconds } = more;
  const { timeZone: _, ...rest } = filter ?? {};
  return { audience, source, content, locales, template, dryRun, guarantee, ttlSeconds, filter: rest };
}

/** The audience that a resume accepts, by the words of the reason; null: it is no reason of an unexpected audience. */
export function audienceIn(reason: string | null): AcceptedAudience | null {
  const [, words, pushes] = /^audience: (expected about [\d,]+, got ([\d,]+))/.exec(reason ?? '') ?? [];
  if (words === undefined || pushes === undefined) return null;
  return { words, pushes: Number(pushes.replaceAll(',', '')) };
}

/** True if an announcement was paused at its start because nobody had approved it. */
export function waitsForApproval({
  status,
  statusReason,
}: Pick<Announcement, 'status' | 'statusReason'>): boolean {
  return status === 'paused' && (statusReason ?? '').split('; ').includes(WAITS_FOR_APPROVAL);
}
