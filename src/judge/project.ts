import type { Announcement } from '../model/announcement.ts';
import type { Delivery, Outcome } from '../model/delivery.ts';
import { isDoubted } from './doubt.ts';
import { listReasons } from './reasons.ts';

/** If more than this share of the answers to a group fails alike, it is not the devices' fault. */
const SYSTEMIC_SHARE = 0.5;

/** Fewer refusals prove nothing, though they may be most of a small group: of the last one of an announcement, for example. */
const MIN_SYSTEMIC_PUSHES = 10;

/**
 * If this share of a group is `unregistered`, and at least this many devices, that is suspicious. Even in a table that was
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
    "the Firebase project's APNs key or web push certificate is missing or expired: upload a new one in the Firebase console",
  ],
  [
    /_SERVICE_DISABLED$/,
    'enable the Firebase Cloud Messaging API (fcm.googleapis.com) of the project in the Google Cloud console, and wait a few minutes',
  ],
  [
    /_(CONSUMER_INVALID|CONSUMER_SUSPENDED|RESOURCE_PROJECT_INVALID)$/,
    'Google does not serve this project: check FCM_PROJECT_ID, and the state of the project in the Google Cloud console',
  ],
  [/_ACCOUNT_STATE_INVALID$/, 'the service account is disabled or deleted: enable it, or use another one'],
  [/_ACCESS_TOKEN_SCOPE_INSUFFICIENT$/, 'the credentials lack the scope for Firebase Cloud Messaging'],
  [
    /^HTTP_401/,
    'the access token was refused: the service account key may have been deleted; make a new one, and set FCM_CREDENTIALS',
  ],
  [/^HTTP_403/, 'the service account may not send: it needs the role Firebase Cloud Messaging API Admin'],
  [/^HTTP_404/, 'there is no such project, or its Cloud Messaging API is disabled: check FCM_PROJECT_ID'],
  [REFUSED_CONTENT, 'the message was refused: check its fields; it may have at most 4096 bytes'],
];

/**
 * The deliveries of a group with `misconfigured` in place of verdicts that are the project's fault. FCM refuses tokens of
 * another project one by one, each permanently, and may refuse a bad payload in the same way; a group of which nearly every app
 * is gone points to a wrong project or a bad import. No device loses its push for that, or is marked as gone. The nth outcome
 * belongs to the nth delivery.
 */
export function blameProject(
  { acceptUnregistered }: Pick<Announcement, 'acceptUnregistered'>,
  deliveries: readonly Delivery[],
  outcomes: readonly Outcome[],
  options: { readonly smallSampleCounts: boolean },
): readonly Delivery[] {
  const common = findCommonRefusal(deliveries, outcomes, options);
  // A phone that has moved to another target proves that its app is there, and one whose kind is in doubt proves nothing.
  const telling = deliveries.filter((_, nth) => {
    const outcome = outcomes[nth];
    return outcome?.isSuperseded !== true && !(outcome && isDoubted(outcome));
  });
  const gone = telling.filter(isUnregistered).length;
  const isSuspicious =
    gone >= MIN_SUSPICIOUS_PUSHES && gone >= telling.length * SUSPICIOUS_SHARE && !acceptUnregistered;
  if (common === null && !isSuspicious) return deliveries;
  return deliveries.map((delivery, nth) =>
    (delivery.reason === common && isRefusal(delivery, outcomes[nth])) ||
    (isSuspicious && isUnregistered(delivery))
      ? { ...delivery, verdict: 'misconfigured', retryInMs: null }
      : delivery,
  );
}

/**
 * The reason that most of a group was refused for, though FCM does not blame the targets; null if there is none. A few are
 * enough with `smallSampleCounts`, but not if they are about messages with their own content: each may be at fault itself.
 */
function findCommonRefusal(
  deliveries: readonly Delivery[],
  outcomes: readonly Outcome[],
  { smallSampleCounts }: { readonly smallSampleCounts: boolean },
): string | null {
  const counts = new Map<string, number>();
  for (const [nth, delivery] of deliveries.entries()) {
    const { reason } = delivery;
    if (reason !== null && isRefusal(delivery, outcomes[nth]))
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  for (const [reason, count] of counts) {
    if (count <= deliveries.length * SYSTEMIC_SHARE) continue;
    const isOwn = REFUSED_CONTENT.test(reason) && deliveries.some(({ messageId = 0 }) => messageId > 0);
    if (count >= MIN_SYSTEMIC_PUSHES || (smallSampleCounts && !isOwn)) return reason;
  }
  return null;
}

/** The outcome of a message with its own content: where FCM refuses the content, that message alone is `rejected`. */
export function blameContent(outcome: Outcome): Outcome {
  const isContent = outcome.verdict === 'misconfigured' && REFUSED_CONTENT.test(outcome.reason ?? '');
  return isContent ? { ...outcome, verdict: 'rejected' } : outcome;
}

/** What to do about refusals with these reasons, in words for a person; null if none of them is known. */
export function findAdvice(reasons: readonly string[]): string | null {
  return ADVICE.find(([pattern]) => reasons.some((reason) => pattern.test(reason)))?.[1] ?? null;
}

/** What to do about refusals with these reasons, in words for a person. */
export function adviseOn(reasons: readonly string[]): string {
  return findAdvice(reasons) ?? 'check the credentials, the project and the message';
}

/**
 * Why an announcement cannot go on after this group of answers, what to do, and what FCM says itself; null if it can. The nth outcome
 * belongs to the nth delivery.
 */
export function explainFailure(deliveries: readonly Delivery[], outcomes: readonly Outcome[]): string | null {
  const misconfigured = deliveries.filter(isMisconfigured);
  if (misconfigured.length <= deliveries.length * SYSTEMIC_SHARE) return null;
  const reasons = misconfigured.map(({ reason }) => reason ?? '');
  const words = outcomes.find((outcome, nth) => {
    const delivery = deliveries[nth];
    return outcome.words !== undefined && delivery !== undefined && isMisconfigured(delivery);
  })?.words;
  return (
    `FCM refused ${misconfigured.length} of ${deliveries.length} pushes, and not because of the devices ` +
    `(${listReasons(reasons)}): ${adviseOn(reasons)}${words === undefined ? '' : `. FCM says: ${words}`}`
  );
}

/** A final refusal of FCM that is not the fault of its target, but possibly of the project or of the content. */
function isRefusal({ verdict }: Delivery, outcome: Outcome | undefined): boolean {
  return (
    verdict === 'rejected' &&
    (outcome?.verdict === 'rejected' || outcome?.verdict === 'misconfigured') &&
    outcome.blamesTarget !== true
  );
}

function isMisconfigured({ verdict }: Delivery): boolean {
  return verdict === 'misconfigured';
}

function isUnregistered({ verdict }: Delivery): boolean {
  return verdict === 'unregistered';
}
