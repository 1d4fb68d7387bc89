import { PushError } from '../errors.ts';
import { type FcmReply, quotaExceeded, UNAVAILABLE } from './fcm-replies.ts';

/** For a while FCM takes nothing: 429 that say when, 503 that do not, or no answers at all. */
export interface Outage {
  readonly kind: '429' | '503' | 'silent';
  /** Since the first message. */
  readonly fromMs: number;
  readonly forMs: number;
}

/** `429@5+10`: from the fifth second on, for ten. */
export function parseOutage(text: string): Outage {
  const [, kind, from, length] = /^(429|503|silent)@(\d{1,5})\+(\d{1,5})$/.exec(text) ?? [];
  if (kind === '429' || kind === '503' || kind === 'silent') {
    return { kind, fromMs: Number(from) * 1000, forMs: Number(length) * 1000 };
  }
  const expected = '429, 503 or silent, @ the second in which it begins, + how many it lasts';
  throw PushError.of('BAD_INPUT', [{ field: 'outage', expected, came: JSON.stringify(text) }]);
}

/** The answer of an outage to a message that comes so long after the first; `silence` for none, null while FCM is up. */
export function answerOf({ kind, fromMs, forMs }: Outage, sinceMs: number): FcmReply | 'silence' | null {
  const leftMs = fromMs + forMs - sinceMs;
  if (sinceMs < fromMs || leftMs <= 0) return null;
  switch (kind) {
    case '429':
      return quotaExceeded(Math.ceil(leftMs / 1000));
    case '503':
      return UNAVAILABLE;
    case 'silent':
      return 'silence';
  }
}
