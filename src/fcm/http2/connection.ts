import http2, { type ClientHttp2Session, constants } from 'node:http2';
import type { Clock } from '../../context.ts';

/** Nothing heard for longer than this, and the session may have died in a frozen container: ask before trusting it. */
const TRUSTED_SILENCE_MS = 5000;
const PING_TIMEOUT_MS = 2000;
const CONNECT_TIMEOUT_MS = 10_000;

/** What FCM allows on a connection; what a server says in its own SETTINGS counts for more. */
export const STREAMS = 100;

/** How node:http2 has it if the server's SETTINGS say nothing. */
const UNLIMITED = 2 ** 32 - 1;

export interface ConnectionEvents {
  /** Streams are to be had again: the server takes more of them, or has answered a ping. */
  onRoom(): void;
  onEnd(connection: Connection): void;
  /** The server finds us too eager. */
  onCalm(): void;
}

/** One warm HTTP/2 connection to FCM. */
export class Connection {
  readonly session: ClientHttp2Session;
  /** Streams open on it now. */
  open = 0;
  /** Ids above this were never processed, by the server's own GOAWAY; infinite while there was none. */
  lastProcessedId = Infinity;
  hasAnswered = false;
  #limit: number;
  readonly #clock: Clock;
  readonly #events: ConnectionEvents;
  /** When the server last gave a sign of life. */
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
    // Its streams see their own end; a session's error that nobody hears would end the process.
    session.on('error', () => {});
    session.on('close', () => events.onEnd(this));
  }

  /** Whether it can still take streams, now or later. */
  get isUsable(): boolean {
    return !this.#isRetired && !this.session.closed && !this.session.destroyed;
  }

  /** How many streams the server takes. */
  get limit(): number {
    return this.#limit;
  }

  /** Whether it takes one more stream now. One that is no longer trusted is asked meanwhile. */
  takesOne(nowMs: number): boolean {
    if (this.open >= this.#limit || !this.isUsable || this.#isChecking) return false;
    if (!this.#isSuspect && nowMs - this.#heardAt < TRUSTED_SILENCE_MS) return true;
    void this.#check();
    return false;
  }

  answered(nowMs: number): void {
    this.open--;
    this.#heardAt = nowMs;
    this.hasAnswered = true;
    if (this.#isRetired) this.retire();
  }

  /** A stream is over without an answer. If none came to any other since it was opened, the line may be dead. */
  unanswered(openedAt: number): void {
    this.open--;
    if (this.#heardAt <= openedAt) this.#isSuspect = true;
    if (this.#isRetired) this.retire();
  }

  /** Takes no more streams, and goes with its last. */
  retire(): void {
    this.#isRetired = true;
    if (this.open <= 0) this.session.destroy();
  }

  async #check(): Promise<void> {
    this.#isChecking = true;
    const isAlive = await ping(this.session);
    this.#isChecking = false;
    if (!isAlive) return this.retire();
    this.#isSuspect = false;
    this.#heardAt = this.#clock.now();
    this.#events.onRoom();
  }
}

function limitOf({ maxConcurrentStreams = UNLIMITED }: http2.Settings): number {
  return maxConcurrentStreams === UNLIMITED ? STREAMS : maxConcurrentStreams;
}

/** Resolves once the server's SETTINGS are here too: they say how many streams it takes. */
export function connect(endpoint: string): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = http2.connect(endpoint, { settings: { enablePush: false } });
    const timer = setTimeout(
      () => session.destroy(new Error(`no HTTP/2 SETTINGS in ${CONNECT_TIMEOUT_MS} ms`)),
      CONNECT_TIMEOUT_MS,
    );
    const fail = (error?: Error): void => {
      clearTimeout(timer);
      reject(error ?? new Error('connection closed'));
    };
    session.once('error', fail);
    session.once('close', fail);
    session.once('remoteSettings', () => {
      clearTimeout(timer);
      session.off('error', fail);
      session.off('close', fail);
      resolve(session);
    });
  });
}

function ping(session: ClientHttp2Session): Promise<boolean> {
  return new Promise((resolve) => {
    // On a starved machine the answer may be waiting to be read: the immediate comes after that.
    const timer = setTimeout(() => setImmediate(() => resolve(false)), PING_TIMEOUT_MS);
    const sent = session.ping((error) => {
      clearTimeout(timer);
      resolve(error === null);
    });
    if (sent) return;
    clearTimeout(timer);
    resolve(false);
  });
}
