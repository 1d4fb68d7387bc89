import type { Http2Session } from 'node:http2';
import type { Clock } from '../../context.ts';

/** Answers are followed by a PING at this interval. */
const PING_MS = 100;

/** A connection of a client. */
export type Client = Pick<Http2Session, 'destroyed' | 'closed' | 'ping'>;

/** What the sandbox knows of the time at which its clients read their answers. */
export interface LateReads {
  /** The earliest time at which a request that is read now was sent: this process may have stood still, too. */
  earliestSentAt(): number;
  /** Counts an answer that was written to a request of this time. */
  add(session: Client, sentAt: number): void;
  /** Sends a PING behind the answers that were written since the last one. A timer does it. */
  ask(): void;
  close(): void;
}

/**
 * `watchLateReads` finds answers that were written in time and read too late: a client that gets no CPU gives up first, and
 * closes a stream that has ended for the server. A PING behind the answers is acknowledged when the client has read them; if
 * that is later than the client waits for an answer, it cannot know the outcome. A client that dies acknowledges nothing, and
 * is not counted: its pushes were in flight.
 */
export function watchLateReads(
  clientTimeoutMs: number,
  clock: Pick<Clock, 'now'>,
  onLate: () => void,
): LateReads {
  /** The times of the requests whose answers no PING has followed yet. */
  const unread = new Map<Client, number[]>();
  const asked = new Set<Client>();

  let askedAt = clock.now();
  let askedBefore = askedAt;

  const ask = (): void => {
    askedBefore = askedAt;
    askedAt = clock.now();
    for (const [session, times] of unread) {
      if (asked.has(session)) continue;
      unread.delete(session);
      if (session.destroyed || session.closed) continue;
      asked.add(session);
      session.ping((error) => {
        asked.delete(session);
        if (error !== null) return;
        const readAt = clock.now();
        for (const sentAt of times) if (readAt - sentAt > clientTimeoutMs) onLate();
      });
    }
  };
  const timer = setInterval(ask, PING_MS).unref();
  return {
    earliestSentAt: () => askedBefore,
    add(session, sentAt) {
      const times = unread.get(session);
      if (times) times.push(sentAt);
      else unread.set(session, [sentAt]);
    },
    ask,
    close: () => clearInterval(timer),
  };
}
