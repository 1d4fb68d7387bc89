import type { Announcement } from '../model/announcement.ts';
import type { Delivery, Outcome } from '../model/delivery.ts';
import type { Hop } from '../model/hop.ts';
import type { Context } from '../context.ts';

/** From this share of a chunk on, the fault is not the devices' own. */
const SYSTEMIC_SHARE = 0.5;

/**
 * Even of a table that was never cleaned FCM calls half gone, not all: with four of five gone, 20 in a row have 19 of them
 * once in 15 times, and 100 never. A few that are gone together, such as an old phone or two, are nothing to speak of.
 */
const SUSPICIOUS_SHARE = 0.95;
const MIN_SUSPICIOUS_PUSHES = 20;

/** The message was refused, not its target. */
const REFUSED_CONTENT = /^(INVALID_ARGUMENT|HTTP_400|messaging\/)/;

/** What to do, by the reason that most of the chunk was refused for; an HTTP status without FCM's own code is Google's. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/^SENDER_ID_MISMATCH$/, 'the tokens are of another Firebase project than the credentials'],
  [
    /^UNREGISTERED$/,
    'so many apps cannot be gone at once: check that the devices are of this project and this environment; ' +
      'if they are gone indeed, `baton resume ID --accept-unregistered` believes it',
  ],
  [/^THIRD_PARTY_AUTH_ERROR$/, "the Firebase project's APNs key or web push certificate is missing or stale"],
  [/^HTTP_401/, 'the access token was refused: the service account key may have been deleted'],
  [/^HTTP_403/, 'the service account may not send: it needs the role Firebase Cloud Messaging API Admin'],
  [/^HTTP_404/, 'there is no such project, or its Cloud Messaging API is off: check FCM_PROJECT_ID'],
  [REFUSED_CONTENT, 'the message was refused: it may have at most 4096 bytes'],
];

/**
 * Tokens of another project are refused one by one, each for good; and a chunk of which nearly every app is gone is more
 * likely a project or an import gone wrong. The devices must not pay for it: none of them is final, or pruned.
 */
export function blameProject(
  { acceptUnregistered }: Pick<Announcement, 'acceptUnregistered'>,
  deliveries: readonly Delivery[],
): readonly Delivery[] {
  const { length } = deliveries;
  const mismatched = deliveries.filter(isMismatch).length > length * SYSTEMIC_SHARE;
  const gone = deliveries.filter(isUnregistered).length;
  const suspicious =
    gone >= MIN_SUSPICIOUS_PUSHES && gone >= length * SUSPICIOUS_SHARE && !acceptUnregistered;
  if (!mismatched && !suspicious) return deliveries;
  return deliveries.map((delivery) =>
    (mismatched && isMismatch(delivery)) || (suspicious && isUnregistered(delivery))
      ? { ...delivery, verdict: 'misconfigured', retryInMs: null }
      : delivery,
  );
}

/** Content that FCM refuses stops an announcement that sends it to everybody; of a message it is that message's own end. */
export function blameContent(outcome: Outcome): Outcome {
  const isContent = outcome.verdict === 'misconfigured' && REFUSED_CONTENT.test(outcome.reason ?? '');
  return isContent ? { ...outcome, verdict: 'rejected' } : outcome;
}

export function adviseOn(reasons: readonly string[]): string {
  const advice = ADVICE.find(([pattern]) => reasons.some((reason) => pattern.test(reason)))?.[1];
  return advice ?? 'check the credentials, the project and the message';
}

/** Why the announcement cannot go on, in words that tell what to do; null if it can. */
export function explainFailure(deliveries: readonly Delivery[]): string | null {
  const misconfigured = deliveries.filter(({ verdict }) => verdict === 'misconfigured');
  if (misconfigured.length <= deliveries.length * SYSTEMIC_SHARE) return null;
  const reasons = [...new Set(misconfigured.map(({ reason }) => reason ?? ''))];
  return (
    `FCM refused ${misconfigured.length} of ${deliveries.length} pushes for no fault of the devices ` +
    `(${reasons.join(', ')}): ${adviseOn(reasons)}`
  );
}

function isMismatch({ reason }: Delivery): boolean {
  return reason === 'SENDER_ID_MISMATCH';
}

function isUnregistered({ verdict }: Delivery): boolean {
  return verdict === 'unregistered';
}

/** Its hops stay open, and go on once the announcement runs again; what was `misconfigured` is sent again then. */
export async function failAnnouncement(
  { store, log, metrics }: Context,
  { announcementId }: Hop,
  reason: string,
): Promise<void> {
  if (!(await store.moveAnnouncement(announcementId, ['running'], 'failed', reason))) return;
  log.error('announcement failed', { announcementId, reason });
  metrics.record({ AnnouncementsFailed: 1 });
}
