import { type ClientHttp2Session, constants, type Settings } from 'node:http2';
import type { Clock } from '../../context.ts';
import { ping } from './session.ts';

/** After a longer silence the session may have died while the container was frozen: a PING checks it before the next use. */
const TRUSTED_SILENCE_MS = 5000;

/** FCM's limit of streams on one connection; a limit in the server's own SETTINGS replaces it. */
export const FCM_STREAMS = 100;

/** What node:http2 reports if the server's SETTINGS have no limit. */
const UNLIMITED = 2 ** 32 - 1;

export interface ConnectionEvents {
  /** New streams may be possible: the server has changed its limit, or has answered a PING. */
  onRoom(): void;
  onEnd(connection: Connection): void;
  /** The server asks for fewer messages. */
  onCalm(): void;
}

/** One warm HTTP/2 connection to FCM. */
export class Connection {
  readonly session: ClientHttp2Session;
  /** Number of streams that are open on it now. */
  open = 0;
  /** The last stream id of the server's GOAWAY: it processed no stream with a higher id. Infinity without a GOAWAY. */
  lastProcessedId = Infinity;
  hasAnswered = false;
  #limit: number;
  readonly #clock: Clock;
  readonly #events: ConnectionEvents;
  /** When the server last showed that it is alive. */
  #heardAt: number;
  #isSuspect = false;
  #isRetired = false;
  #isChecking = false;

  constructor(session: ClientHttp2Session, clock: Clock, events: ConnectionEvents) {
    this.session = session;
    this.#heardAt = clock.now();
    this.#clock = clock;
    this.#events = events;
    this.#limit = limitOf(session.remoteSettings);
    session.on('remoteSettings', (settings) => {
      this.#limit = limitOf(settings);
      events.onRoom();
    });
    session.on('goaway', (code, lastStreamId) => {
      this.lastProcessedId = lastStreamId;
      if (code === constants.NGHTTP2_ENHANCE_YOUR_CALM) events.onCalm();
    });
    // The streams report their own end. Without a listener, the session's error would end the process.
    session.on('error', () => {});
    session.on('close', () => events.onEnd(this));
  }

  /** Whether it can take new streams, now or later. */
  get isUsable(): boolean {
    return !this.#isRetired && !this.session.closed && !this.session.destroyed;
  }

  /** Number of streams that the server accepts at a time. */
  get limit(): number {
    return this.#limit;
  }

  /** Whether it can take one more stream now. If its server has been silent for too long, this starts a check of it. */
  canOpen(nowMs: number): boolean {
    if (this.open >= this.#limit || !this.isUsable || this.#isChecking) return false;
    if (!this.#isSuspect && nowMs - this.#heardAt < TRUSTED_SILENCE_MS) return true;
    void this.#check();
    return false;
  }

  /** Notes that a stream has ended with an answer. */
  noteAnswer(nowMs: number): void {
    this.open--;
    this.#heardAt = nowMs;
    this.hasAnswered = true;
    if (this.#isRetired) this.retire();
  }

  /** Notes that a stream has ended without an answer. If no other got one since it was opened, the line may be dead. */
  noteSilence(openedAt: number): void {
    this.open--;
    if (this.#heardAt <= openedAt) this.#isSuspect = true;
    if (this.#isRetired) this.retire();
  }

  /** Takes no new streams, and closes with the last open one. */
  retire(): void {
    this.#isRetired = true;
    if (this.open <= 0) this.session.destroy();
  }

  async #check(): Promise<void> {
    this.#isChecking = true;
    const isAlive = await ping(this.session, this.#clock);
    this.#isChecking = false;
    if (!isAlive) return this.retire();
    this.#isSuspect = false;
    this.#heardAt = this.#clock.now();
    this.#events.onRoom();
  }
}

function limitOf({ maxConcurrentStreams = UNLIMITED }: Settings): number {
  return maxConcurrentStreams === UNLIMITED ? FCM_STREAMS : maxConcurrentStreams;
}
