import { PushError } from '../../errors.ts';
import { show } from '../../show.ts';
import {
  type FcmReply,
  NOT_FOUND,
  quotaExceeded,
  REFUSED,
  SERVICE_DISABLED,
  UNAUTHENTICATED,
  UNAVAILABLE,
} from './replies.ts';

const KINDS = ['429', '503', '400', '401', '403', '404', 'silent'] as const;

/**
 * A time in which FCM accepts nothing: it answers 429 with Retry-After, 503 without it, 400, 401, 403 or 404 to every message,
 * or nothing at all.
 */
export interface Outage {
  readonly kind: (typeof KINDS)[number];
  /** Begin, in milliseconds since the first message. */
  readonly fromMs: number;
  readonly forMs: number;
}

/** `parseOutage` reads `429@5+10`: ten seconds of 429, from the fifth second on. PushError('BAD_INPUT'). */
export function parseOutage(text: string): Outage {
  const [, word, from, length] = /^(\w+)@(\d{1,5})\+(\d{1,5})$/.exec(text) ?? [];
  const kind = KINDS.find((each) => each === word);
  if (kind !== undefined) {
    return { kind, fromMs: Number(from) * 1000, forMs: Number(length) * 1000 };
  }
  const expected = `one of ${KINDS.join(', ')}, @ the second in which it begins, + the number of seconds that it lasts`;
  throw PushError.of('BAD_INPUT', [{ field: 'outage', expected, got: show(text) }]);
}

/** `answerOf` is the answer to a message that arrives `sinceMs` after the first one; null while FCM is up. */
export function answerOf({ kind, fromMs, forMs }: Outage, sinceMs: number): FcmReply | 'silence' | null {
  const leftMs = fromMs + forMs - sinceMs;
  if (sinceMs < fromMs || leftMs <= 0) return null;
  switch (kind) {
    case '429':
      return quotaExceeded(Math.ceil(leftMs / 1000));
    case '503':
      return UNAVAILABLE;
    case '400':
      return REFUSED;
    case '403':
      return SERVICE_DISABLED;
    case '401':
      return UNAUTHENTICATED;
    case '404':
      return NOT_FOUND;
    case 'silent':
      return 'silence';
  }
}
