import type { Config } from '../config/config.ts';
import type { Guarantee } from '../model/announcement.ts';
import type { Delivery, Outcome, Push } from '../model/delivery.ts';
import { PushError } from '../errors.ts';
import { blameContent } from './project.ts';

type RetryConfig = Pick<Config, 'maxAttempts' | 'retryMs' | 'quotaRetryMs'>;

/** What the ledger is to say of pushes; the nth outcome is the nth push's. */
export function settleAll(
  config: RetryConfig,
  guarantee: Guarantee,
  round: number,
  pushes: readonly Push[],
  outcomes: readonly Outcome[],
): Delivery[] {
  if (outcomes.length !== pushes.length) {
    const expected = `${pushes.length} outcomes, one a push`;
    throw new PushError('BAD_REPLY', `sender: expected ${expected}, got ${outcomes.length}`);
  }
  return pushes.flatMap((push, nth) => {
    const { messageId = 0, deviceId } = push;
    const outcome = outcomes[nth];
    return outcome ? [{ messageId, deviceId, ...settle(config, guarantee, round, outcome, push) }] : [];
  });
}

/**
 * What the ledger is to say of an outcome: whether to try again, and when.
 *
 * FCM's rules: https://firebase.google.com/docs/cloud-messaging/scale-fcm — a 429 after Retry-After, or a minute without
 * it; anything else after 10 s at the earliest, then twice as long each time, with jitter.
 */
export function settle(
  config: RetryConfig,
  guarantee: Guarantee,
  round: number,
  outcome: Outcome,
  { own, expiresInMs }: Pick<Push, 'own' | 'expiresInMs'> = {},
): Omit<Delivery, 'deviceId'> {
  const { verdict, reason, messageName, retryAfterMs } = own ? blameContent(outcome) : outcome;
  const waitMs = isThrottled(reason) ? config.quotaRetryMs : config.retryMs * 2 ** round;
  const retryInMs = Math.round(retryAfterMs ?? waitMs * (1 + Math.random() / 2));
  const isLast = round + 1 >= config.maxAttempts || retryInMs >= (expiresInMs ?? Infinity);
  const final = (word: Outcome['verdict']) => ({ verdict: word, reason, messageName, retryInMs: null });
  switch (verdict) {
    case 'delivered':
    case 'unregistered':
    case 'rejected':
      return final(verdict);
    case 'misconfigured':
      // Most of a chunk would have stopped the announcement; a few may be answers that got by before it was mended.
      if (isLast) return final(verdict);
      break;
    case 'unknown':
      // It may have been accepted: a repeat replaces it on the phone, but only if the announcement allows repeats.
      if (guarantee === 'at-most-once' || isLast) return final('unknown');
      break;
    case 'retryable':
      if (isLast) return final('rejected');
      break;
  }
  return { verdict, reason, messageName, retryInMs };
}

/** A 429, with FCM's own code or without. */
export function isThrottled(reason: string | null): boolean {
  return reason === 'QUOTA_EXCEEDED' || reason?.startsWith('HTTP_429') === true;
}
