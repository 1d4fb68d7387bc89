import { PushError } from '../../errors.ts';
import { type FcmReply, NOT_FOUND, quotaExceeded, UNAUTHENTICATED, UNAVAILABLE } from './replies.ts';

const KINDS = ['429', '503', '401', '404', 'silent'] as const;

/** For a while FCM takes nothing: 429 that say when, 503 that do not, 401 or 404 for all alike, or no answers at all. */
export interface Outage {
  readonly kind: (typeof KINDS)[number];
  /** Since the first message. */
  readonly fromMs: number;
  readonly forMs: number;
}

/** `429@5+10`: from the fifth second on, for ten. */
export function parseOutage(text: string): Outage {
  const [, word, from, length] = /^(\w+)@(\d{1,5})\+(\d{1,5})$/.exec(text) ?? [];
  const kind = KINDS.find((each) => each === word);
  if (kind !== undefined) {
    return { kind, fromMs: Number(from) * 1000, forMs: Number(length) * 1000 };
  }
  const expected = `one of ${KINDS.join(', ')}, @ the second in which it begins, + how many it lasts`;
  throw PushError.of('BAD_INPUT', [{ field: 'outage', expected, got: JSON.stringify(text) }]);
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
    case '401':
      return UNAUTHENTICATED;
    case '404':
      return NOT_FOUND;
    case 'silent':
      return 'silence';
  }
}
