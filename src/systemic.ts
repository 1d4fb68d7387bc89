import type { Context, Delivery, Hop } from './context.ts';

/** From this share of a chunk on, the fault is not the devices' own. */
const SYSTEMIC_SHARE = 0.5;

/** What to do, by the reason that most of the chunk was refused for; an HTTP status without FCM's own code is Google's. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/^SENDER_ID_MISMATCH$/, 'the tokens are of another Firebase project than the credentials'],
  [/^THIRD_PARTY_AUTH_ERROR$/, "the Firebase project's APNs key or web push certificate is missing or stale"],
  [/^HTTP_401/, 'the access token was refused: the service account key may have been deleted'],
  [/^HTTP_403/, 'the service account may not send: it needs the role Firebase Cloud Messaging API Admin'],
  [/^HTTP_404/, 'there is no such project, or its Cloud Messaging API is off: check FCM_PROJECT_ID'],
  [/^(INVALID_ARGUMENT|HTTP_400|messaging\/)/, 'the message was refused: it may have at most 4096 bytes'],
];

/**
 * Tokens of another project are refused one by one, each for good. When it is most of a chunk, it is the project that is
 * wrong, and the devices must not pay for it.
 */
export function blameProject(deliveries: readonly Delivery[]): readonly Delivery[] {
  if (deliveries.filter(isMismatch).length <= deliveries.length * SYSTEMIC_SHARE) return deliveries;
  return deliveries.map((delivery) =>
    isMismatch(delivery) ? { ...delivery, verdict: 'misconfigured' } : delivery,
  );
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

/** Its hops stay open, and go on once the announcement runs again; what was `misconfigured` is sent again then. */
export async function failAnnouncement(
  { store, log }: Context,
  { announcementId }: Hop,
  reason: string,
): Promise<void> {
  if (!(await store.moveAnnouncement(announcementId, ['running'], 'failed', reason))) return;
  log.error('announcement failed', { announcementId, reason });
}
