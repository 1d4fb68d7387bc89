import type { Config } from '../config/config.ts';
import { PushError } from '../errors.ts';
import type { Guarantee } from '../model/announcement.ts';
import { type Delivery, type Outcome, type Push, type Verdict, WRONG_KIND } from '../model/delivery.ts';
import { blameContent } from './project.ts';

export interface SettleOptions extends Pick<Config, 'maxAttempts' | 'retryMs' | 'quotaRetryMs'> {
  readonly guarantee: Guarantee;
  readonly round: number;
  /** A number from 0 to 1 that spreads retries; absent: a random one for each push. */
  readonly jitter?: () => number;
}

/** Throws PushError('BAD_REPLY') unless there is one outcome for each push. */
export function checkOutcomes(pushes: readonly unknown[], outcomes: readonly Outcome[]): void {
  if (outcomes.length === pushes.length) return;
  throw PushError.of('BAD_REPLY', [
    {
      field: 'sender',
      expected: `${pushes.length} outcomes, one for each push`,
      got: String(outcomes.length),
    },
  ]);
}

/** What the ledger records of pushes; the nth outcome belongs to the nth push. PushError('BAD_REPLY') if they do not match. */
export function settleAll(
  options: SettleOptions,
  pushes: readonly Push[],
  outcomes: readonly Outcome[],
): Delivery[] {
  checkOutcomes(pushes, outcomes);
  return pushes.flatMap((push, nth) => {
    const { messageId = 0, deviceId } = push;
    const outcome = outcomes[nth];
    return outcome ? [{ messageId, deviceId, ...settle(options, outcome, push) }] : [];
  });
}

/**
 * What the ledger records of one outcome: the verdict, and when to try again.
 *
 * FCM's rules: a 429 after Retry-After, or after a minute without it; any other failure after at least 10 s, then twice as
 * long each time, with jitter. https://firebase.google.com/docs/cloud-messaging/scale-fcm
 */
export function settle(
  { maxAttempts, retryMs, quotaRetryMs, guarantee, round, jitter = Math.random }: SettleOptions,
  outcome: Outcome,
  push: Partial<Pick<Push, 'own' | 'expiresInMs' | 'target' | 'targetKind'>> = {},
): Omit<Delivery, 'deviceId'> {
  const { own, expiresInMs } = push;
  const { verdict, reason, messageName, retryAfterMs } = own ? blameContent(outcome) : outcome;
  const waitMs = isThrottled(reason) ? quotaRetryMs : retryMs * 2 ** round;
  const retryInMs = Math.round(retryAfterMs ?? waitMs * (1 + jitter() / 2));
  const isLast = round + 1 >= maxAttempts || retryInMs >= (expiresInMs ?? Infinity);
  const final = (word: Verdict) => ({ verdict: word, reason, messageName, retryInMs: null });
  switch (verdict) {
    case 'unregistered':
      return { ...final(verdict), ...targetOf(push) };
    case 'delivered':
    case 'rejected':
      return final(verdict);
    case 'misconfigured':
      // Most of a group would have stopped the announcement; a few may be answers from before the fix.
      if (isLast) return final(verdict);
      break;
    case 'unknown':
      // FCM may have accepted it: a repeat replaces it on the phone, but only if the guarantee allows repeats.
      if (guarantee === 'at-most-once' || isLast) return final(verdict);
      break;
    case 'retryable':
      if (isLast) return { ...final('rejected'), ...(reason === WRONG_KIND ? targetOf(push) : {}) };
      if (reason === WRONG_KIND) return { verdict, reason, messageName, retryInMs, ...targetOf(push) };
      break;
  }
  return { verdict, reason, messageName, retryInMs };
}

/** Where a push to a device of the table went; a topic is no row of it. */
function targetOf({
  target,
  targetKind,
}: Partial<Pick<Push, 'target' | 'targetKind'>>): Pick<Delivery, 'sentTo'> {
  if (target === undefined || (targetKind !== 'token' && targetKind !== 'fid')) return {};
  return { sentTo: { target, targetKind } };
}

/** Whether a reason is a 429, with FCM's own code or without. */
export function isThrottled(reason: string | null): boolean {
  return reason === 'QUOTA_EXCEEDED' || reason?.startsWith('HTTP_429') === true;
}
