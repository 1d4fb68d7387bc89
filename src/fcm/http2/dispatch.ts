import type { Outcome } from '../../model/delivery.ts';
import { constants } from 'node:http2';
import type { AnswerHeaders, OnAnswer } from '../../announced.ts';
import type { Addressee, Clock, OnOutcome } from '../../context.ts';
import type { Connection } from './connection.ts';
import { Exchange, type ExchangeOwner } from './exchange.ts';
import type { Pool } from './pool.ts';
import type { Load } from './round-robin.ts';
import { judge, judgeSilence } from '../verdict.ts';

/** How often one message is sent again after the server refused it unprocessed. */
const MAX_REPLAYS = 3;

/** The sending of one batch: its messages that wait, its messages in flight, and the outcomes so far. */
export class Dispatch implements Load, ExchangeOwner {
  readonly #pool: Pool;
  readonly #clock: Clock;
  readonly #headers: readonly string[];
  readonly #devices: readonly Addressee[];
  readonly #body: (device: Addressee) => string;
  readonly #onOutcome: OnOutcome | undefined;
  readonly #onAnswer: OnAnswer | undefined;
  readonly #outcomes: (Outcome | null)[];
  readonly #exchanges: (Exchange | null)[];
  #next = 0;
  /** Positions of the messages that the server refused unprocessed: they are sent again, first. */
  readonly #toReplay: number[] = [];
  readonly #replays = new Map<number, number>();
  readonly #done = Promise.withResolvers<void>();
  #unsettled: number;

  constructor(
    pool: Pool,
    clock: Clock,
    headers: readonly string[],
    devices: readonly Addressee[],
    body: (device: Addressee) => string,
    onOutcome?: OnOutcome,
    onAnswer?: OnAnswer,
  ) {
    this.#pool = pool;
    this.#clock = clock;
    this.#headers = headers;
    this.#devices = devices;
    this.#body = body;
    this.#onOutcome = onOutcome;
    this.#onAnswer = onAnswer;
    this.#outcomes = devices.map(() => null);
    this.#exchanges = devices.map(() => null);
    this.#unsettled = devices.length;
  }

  /** Resolves to one outcome for each device, in order: after the last answer, or when `signal` aborts. */
  async run(signal: AbortSignal): Promise<Outcome[]> {
    // On a busy machine answers may have arrived but not been read yet: an immediate runs after the sockets are read.
    const giveUp = (): unknown => setImmediate(() => this.#giveUp());
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    else {
      this.#pool.add(this);
      this.#pool.pump();
    }
    await this.#done.promise;
    signal.removeEventListener('abort', giveUp);
    return this.#outcomes.map((outcome) => outcome ?? judgeSilence('NOT_SENT', 'no'));
  }

  get waiting(): number {
    return this.#devices.length - this.#next + this.#toReplay.length;
  }

  issue(connection: Connection, nowMs: number): void {
    const index = this.#toReplay.pop() ?? this.#next++;
    const device = this.#devices[index];
    if (!device) return;
    try {
      const stream = connection.session.request(this.#headers);
      // The body is written as late as this: written earlier, it would survive garbage collections while it waits.
      this.#exchanges[index] = new Exchange(this, index, connection, nowMs, stream, this.#body(device));
    } catch {
      this.#replay(index);
    }
  }

  hear(headers: AnswerHeaders): void {
    this.#onAnswer?.(headers);
  }

  settle(exchange: Exchange): void {
    const { index, connection, openedAt, reply } = exchange;
    if (this.#exchanges[index] !== exchange) return;
    this.#exchanges[index] = null;
    const nowMs = this.#clock.now();
    if (reply) {
      connection.noteAnswer(nowMs);
      this.#pool.noteLatency(nowMs - openedAt);
      this.#record(index, judge(reply, nowMs, this.#devices[index]?.target));
    } else {
      connection.noteSilence(openedAt);
      const { resetCode, mayBeProcessed } = exchange;
      if (resetCode === constants.NGHTTP2_ENHANCE_YOUR_CALM) this.#pool.pause();
      if (mayBeProcessed) this.#record(index, judgeSilence(resetReason(resetCode), 'perhaps'));
      else this.#replay(index);
    }
    this.#pool.pump();
  }

  refuse(reason: string): void {
    for (; this.#next < this.#devices.length; this.#next++) this.#toReplay.push(this.#next);
    for (const index of this.#toReplay.splice(0)) this.#record(index, judgeSilence(reason, 'no'));
  }

  #replay(index: number): void {
    const replays = (this.#replays.get(index) ?? 0) + 1;
    this.#replays.set(index, replays);
    if (replays > MAX_REPLAYS) return this.#record(index, judgeSilence('REFUSED_STREAM', 'no'));
    this.#toReplay.push(index);
    this.#pool.add(this);
  }

  #record(index: number, outcome: Outcome): void {
    this.#outcomes[index] = outcome;
    this.#onOutcome?.(index, outcome);
    if (--this.#unsettled === 0) this.#done.resolve();
  }

  #giveUp(): void {
    this.#pool.remove(this);
    for (const exchange of this.#exchanges) {
      if (!exchange) continue;
      this.#exchanges[exchange.index] = null;
      exchange.connection.noteSilence(exchange.openedAt);
      this.#record(exchange.index, judgeSilence('TIMEOUT', exchange.mayBeProcessed ? 'perhaps' : 'no'));
      exchange.abandon();
    }
    this.refuse('NOT_SENT');
  }
}

function resetReason(code: number): string {
  return code === constants.NGHTTP2_NO_ERROR ? 'NO_ANSWER' : `RESET_${code}`;
}
