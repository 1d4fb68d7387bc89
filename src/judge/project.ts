import type { Announcement } from '../model/announcement.ts';
import type { Delivery, Outcome } from '../model/delivery.ts';

/** If more than this share of a chunk fails alike, it is not the devices' fault. */
const SYSTEMIC_SHARE = 0.5;

/**
 * If this share of a chunk is `unregistered`, and at least this many devices, that is suspicious. Even in a table that was
 * never cleaned half of the devices are gone, not all: with four of five gone, 20 in a row contain 19 of them once in 15
 * times, and 100 in a row never. A few that are gone together, such as two old phones, prove nothing.
 */
const SUSPICIOUS_SHARE = 0.95;
const MIN_SUSPICIOUS_PUSHES = 20;

/** FCM refused the message, not its target. */
const REFUSED_CONTENT = /^(INVALID_ARGUMENT|HTTP_400|messaging\/)/;

/** What to do, by the reason of the refusals; an HTTP status without FCM's own code comes from Google's front end. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/^SENDER_ID_MISMATCH$/, 'the tokens belong to another Firebase project than the credentials'],
  [
    /^UNREGISTERED$/,
    'so many apps are rarely gone at once: check that the devices belong to this project and this environment; ' +
      'if they are really gone, `baton resume ID --accept-unregistered` accepts it',
  ],
  [
    /^THIRD_PARTY_AUTH_ERROR$/,
    "the Firebase project's APNs key or web push certificate is missing or expired",
  ],
  [/^HTTP_401/, 'the access token was refused: the service account key may have been deleted'],
  [/^HTTP_403/, 'the service account may not send: it needs the role Firebase Cloud Messaging API Admin'],
  [/^HTTP_404/, 'there is no such project, or its Cloud Messaging API is disabled: check FCM_PROJECT_ID'],
  [REFUSED_CONTENT, 'the message was refused: it may have at most 4096 bytes'],
];

/**
 * The deliveries of a chunk with `misconfigured` in place of verdicts that are the project's fault: FCM refuses tokens of
 * another project one by one, each permanently, and a chunk of which nearly every app is gone points to a wrong project or a
 * bad import. No device loses its push for that, or is marked as gone.
 */
export function blameProject(
  { acceptUnregistered }: Pick<Announcement, 'acceptUnregistered'>,
  deliveries: readonly Delivery[],
): readonly Delivery[] {
  const { length } = deliveries;
  const isMismatched = deliveries.filter(isMismatch).length > length * SYSTEMIC_SHARE;
  const gone = deliveries.filter(isUnregistered).length;
  const isSuspicious =
    gone >= MIN_SUSPICIOUS_PUSHES && gone >= length * SUSPICIOUS_SHARE && !acceptUnregistered;
  if (!isMismatched && !isSuspicious) return deliveries;
  return deliveries.map((delivery) =>
    (isMismatched && isMismatch(delivery)) || (isSuspicious && isUnregistered(delivery))
      ? { ...delivery, verdict: 'misconfigured', retryInMs: null }
      : delivery,
  );
}

/** The outcome of a message with its own content: where FCM refuses the content, that message alone is `rejected`. */
export function blameContent(outcome: Outcome): Outcome {
  const isContent = outcome.verdict === 'misconfigured' && REFUSED_CONTENT.test(outcome.reason ?? '');
  return isContent ? { ...outcome, verdict: 'rejected' } : outcome;
}

/** What to do about refusals with these reasons, in words for a person. */
export function adviseOn(reasons: readonly string[]): string {
  const advice = ADVICE.find(([pattern]) => reasons.some((reason) => pattern.test(reason)))?.[1];
  return advice ?? 'check the credentials, the project and the message';
}

/** Why an announcement cannot go on after this chunk, and what to do; null if it can. */
export function explainFailure(deliveries: readonly Delivery[]): string | null {
  const misconfigured = deliveries.filter(({ verdict }) => verdict === 'misconfigured');
  if (misconfigured.length <= deliveries.length * SYSTEMIC_SHARE) return null;
  const reasons = [...new Set(misconfigured.map(({ reason }) => reason ?? ''))];
  return (
    `FCM refused ${misconfigured.length} of ${deliveries.length} pushes, and not because of the devices ` +
    `(${reasons.join(', ')}): ${adviseOn(reasons)}`
  );
}

function isMismatch({ reason }: Delivery): boolean {
  return reason === 'SENDER_ID_MISMATCH';
}

function isUnregistered({ verdict }: Delivery): boolean {
  return verdict === 'unregistered';
}
