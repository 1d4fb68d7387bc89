import type { Outcome } from '../../model/delivery.ts';
import { constants } from 'node:http2';
import type { Addressee, Clock } from '../../context.ts';
import type { Connection } from './connection.ts';
import { Exchange, type ExchangeOwner } from './exchange.ts';
import type { Load, Pool } from './pool.ts';
import { judge, judgeSilence } from '../verdict.ts';

/** How often one message may be refused unprocessed before its batch moves on without it. */
const MAX_REPLAYS = 3;

/** One batch on its way: who is waiting, who is out, what came back. */
export class Dispatch implements Load, ExchangeOwner {
  readonly #pool: Pool;
  readonly #clock: Clock;
  readonly #headers: readonly string[];
  readonly #devices: readonly Addressee[];
  readonly #body: (device: Addressee) => string;
  readonly #outcomes: (Outcome | null)[];
  readonly #out: (Exchange | null)[];
  #next = 0;
  /** Refused unprocessed: to be sent again. */
  readonly #again: number[] = [];
  readonly #replays = new Map<number, number>();
  readonly #done = Promise.withResolvers<void>();
  #unsettled: number;

  constructor(
    pool: Pool,
    clock: Clock,
    headers: readonly string[],
    devices: readonly Addressee[],
    body: (device: Addressee) => string,
  ) {
    this.#pool = pool;
    this.#clock = clock;
    this.#headers = headers;
    this.#devices = devices;
    this.#body = body;
    this.#outcomes = devices.map(() => null);
    this.#out = devices.map(() => null);
    this.#unsettled = devices.length;
  }

  /** Resolves with the last answer, or when `signal` aborts. */
  async run(signal: AbortSignal): Promise<Outcome[]> {
    // Not at once: on a starved machine answers may be there that nobody has read yet.
    const giveUp = (): unknown => setImmediate(() => this.#giveUp());
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    else {
      this.#pool.enlist(this);
      this.#pool.pump();
    }
    await this.#done.promise;
    signal.removeEventListener('abort', giveUp);
    return this.#outcomes.map((outcome) => outcome ?? judgeSilence('NOT_SENT', 'no'));
  }

  get waiting(): number {
    return this.#devices.length - this.#next + this.#again.length;
  }

  issue(connection: Connection, nowMs: number): void {
    const index = this.#again.pop() ?? this.#next++;
    const device = this.#devices[index];
    if (!device) return;
    try {
      const stream = connection.session.request(this.#headers);
      // The body is made only now, so that it does not outlive many others while it waits.
      this.#out[index] = new Exchange(this, index, connection, nowMs, stream, this.#body(device));
    } catch {
      this.#replay(index);
    }
  }

  settle(exchange: Exchange): void {
    const { index, connection, openedAt, reply } = exchange;
    if (this.#out[index] !== exchange) return;
    this.#out[index] = null;
    const nowMs = this.#clock.now();
    if (reply) {
      connection.answered(nowMs);
      this.#pool.noteLatency(nowMs - openedAt);
      this.#note(index, judge(reply, nowMs));
    } else {
      connection.unanswered(openedAt);
      const { resetCode, wasProcessed } = exchange;
      if (resetCode === constants.NGHTTP2_ENHANCE_YOUR_CALM) this.#pool.calm();
      if (wasProcessed) this.#note(index, judgeSilence(resetReason(resetCode), 'perhaps'));
      else this.#replay(index);
    }
    this.#pool.pump();
  }

  refuse(reason: string): void {
    for (; this.#next < this.#devices.length; this.#next++) this.#again.push(this.#next);
    for (const index of this.#again.splice(0)) this.#note(index, judgeSilence(reason, 'no'));
  }

  #replay(index: number): void {
    const replays = (this.#replays.get(index) ?? 0) + 1;
    this.#replays.set(index, replays);
    if (replays > MAX_REPLAYS) return this.#note(index, judgeSilence('REFUSED_STREAM', 'no'));
    this.#again.push(index);
    this.#pool.enlist(this);
  }

  #note(index: number, outcome: Outcome): void {
    this.#outcomes[index] = outcome;
    if (--this.#unsettled === 0) this.#done.resolve();
  }

  #giveUp(): void {
    this.#pool.strike(this);
    for (const exchange of this.#out) {
      if (!exchange) continue;
      this.#out[exchange.index] = null;
      exchange.connection.unanswered(exchange.openedAt);
      this.#note(exchange.index, judgeSilence('TIMEOUT', exchange.wasProcessed ? 'perhaps' : 'no'));
      exchange.abandon();
    }
    this.refuse('NOT_SENT');
  }
}

function resetReason(code: number): string {
  return code === constants.NGHTTP2_NO_ERROR ? 'NO_ANSWER' : `RESET_${code}`;
}
