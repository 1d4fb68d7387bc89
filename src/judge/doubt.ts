import { type Outcome, type Push, TARGET_REPLACED, WRONG_KIND } from '../model/delivery.ts';
import { otherKindOf, type Succession } from '../model/device.ts';

/** True if FCM says that the target is gone or not valid: FCM has not delivered the push, and never will to this target. */
export function isTargetRefused({ verdict, blamesTarget }: Outcome): boolean {
  return verdict === 'unregistered' || (verdict === 'rejected' && blamesTarget === true);
}

/**
 * The outcome of a push whose target FCM refuses, in view of what has become of its device: a phone that moves from its token
 * to its FID is not gone. A push that is worth sending again goes without a wait, because FCM has not delivered it.
 */
export function doubt(push: Push, outcome: Outcome, succession: Succession | undefined): Outcome {
  if (!isTargetRefused(outcome)) return outcome;
  if (succession === 'replaced') return makeRetryable(TARGET_REPLACED);
  if (otherKindOf(push) !== null) return makeRetryable(WRONG_KIND);
  return succession === 'superseded' ? { ...outcome, isSuperseded: true } : outcome;
}

/**
 * True for the outcome of a target that FCM has refused, and that is sent to again in another way. FCM has answered, so that it
 * says nothing about its quota, and nothing about the project either.
 */
export function isDoubted({ verdict, reason }: Pick<Outcome, 'verdict' | 'reason'>): boolean {
  return verdict === 'retryable' && (reason === TARGET_REPLACED || reason === WRONG_KIND);
}

/** True if the row of a refused target may have the wrong kind. */
export function isKindInDoubt({
  push,
  outcome,
}: {
  readonly push: Push;
  readonly outcome: Outcome;
}): boolean {
  return isTargetRefused(outcome) && otherKindOf(push) !== null;
}

function makeRetryable(reason: string): Outcome {
  return { verdict: 'retryable', reason, messageName: null, retryAfterMs: 0 };
}
