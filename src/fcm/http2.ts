import { type ClientHttp2Stream, constants } from 'node:http2';
import type { Clock, Outcome, Sender } from '../context.ts';
import { type FcmAccess, fetchAccessToken } from './credentials.ts';
import { restMessage } from './message.ts';
import { type Connection, isUsable, makeSessions, type Sessions, STREAMS, streamsFree } from './sessions.ts';
import { judge, judgeSilence } from './verdict.ts';

/** A whole default chunk of 500 on its way at once, at the 100 streams a connection that FCM allows. */
const MAX_CONNECTIONS = 5;

/** How often one message may be refused unprocessed, or a lost connection be replaced, before the batch moves on. */
const MAX_REPLAYS = 3;

export interface Http2SenderOptions {
  readonly endpoint: string;
  readonly access: FcmAccess;
  readonly clock: Clock;
}

/** FCM's HTTP v1 over kept HTTP/2 connections: one stream a message. */
export function makeHttp2Sender({ endpoint, access, clock }: Http2SenderOptions): Sender {
  const sessions = makeSessions(endpoint, clock);
  const { host, protocol } = new URL(endpoint);
  return {
    async send(batch, timeoutMs) {
      if (batch.devices.length === 0) return [];
      const token = await fetchAccessToken(access);
      // Names and values in turn, as node:http2 takes them without looking each one over again.
      const headers = Object.entries({
        ':method': 'POST',
        ':scheme': protocol.slice(0, -1),
        ':authority': host,
        ':path': `/v1/projects/${access.projectId}/messages:send`,
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
      }).flat();
      // The message is written as JSON once; only the target differs from device to device.
      const before = batch.dryRun ? '{"validate_only":true,"message":{' : '{"message":{';
      const after = `,${JSON.stringify(restMessage(batch, clock.now())).slice(1)}}`;
      const bodies = batch.devices.map(
        ({ targetKind, target }) => `${before}"${targetKind}":${JSON.stringify(target)}${after}`,
      );
      return new Dispatch(sessions, clock, headers, bodies).run(timeoutMs);
    },
    close: () => sessions.close(),
  };
}

/** One batch on its way: who is waiting, who is out, what came back. */
class Dispatch {
  readonly #sessions: Sessions;
  readonly #clock: Clock;
  readonly #headers: readonly string[];
  readonly #bodies: readonly string[];
  readonly #outcomes: (Outcome | undefined)[];
  readonly #replays = new Map<number, number>();
  readonly #waiting: number[];
  readonly #out = new Map<Exchange, Connection>();
  readonly #done = Promise.withResolvers<void>();
  #connections: Connection[] = [];
  #connecting = false;
  #reconnects = 0;
  #unsettled: number;

  constructor(sessions: Sessions, clock: Clock, headers: readonly string[], bodies: readonly string[]) {
    this.#sessions = sessions;
    this.#clock = clock;
    this.#headers = headers;
    this.#bodies = bodies;
    this.#outcomes = bodies.map(() => undefined);
    // Taken from the end, so that the first device goes first.
    this.#waiting = bodies.map((_, index) => bodies.length - 1 - index);
    this.#unsettled = bodies.length;
  }

  async run(timeoutMs: number): Promise<Outcome[]> {
    const timer = setTimeout(() => this.#giveUp('TIMEOUT'), timeoutMs);
    void this.#connect();
    await this.#done.promise;
    clearTimeout(timer);
    return this.#outcomes.map((outcome) => outcome ?? judgeSilence('NOT_SENT', 'no'));
  }

  async #connect(): Promise<void> {
    this.#connecting = true;
    try {
      this.#connections = await this.#sessions.acquire(this.#wanted());
      this.#connecting = false;
      this.#pump();
    } catch (error) {
      this.#connecting = false;
      // With others still at work this is only a connection fewer.
      if (this.#out.size === 0) this.#refuseWaiting(`NO_CONNECTION_${errorCode(error)}`);
    }
  }

  #wanted(): number {
    return Math.min(MAX_CONNECTIONS, Math.ceil((this.#waiting.length + this.#out.size) / STREAMS));
  }

  #pump(): void {
    for (const connection of this.#connections) {
      for (let free = streamsFree(connection); free > 0 && this.#waiting.length > 0; free--) {
        if (!this.#issue(connection)) break;
      }
    }
    if (this.#waiting.length === 0 || this.#connecting) return;
    const usable = this.#connections.filter(({ session }) => isUsable(session)).length;
    if (usable >= this.#wanted()) return;
    // Some have gone. As long as answers come there is no limit to replacing them.
    if (this.#reconnects++ < MAX_REPLAYS) void this.#connect();
    else if (this.#out.size === 0) this.#refuseWaiting('NO_CONNECTION');
  }

  #issue(connection: Connection): boolean {
    const index = this.#waiting.pop();
    if (index === undefined) return false;
    let stream: ClientHttp2Stream;
    try {
      stream = connection.session.request(this.#headers);
    } catch {
      this.#waiting.push(index);
      return false;
    }
    connection.open++;
    const exchange = new Exchange(stream, index, (ended) => this.#settle(ended));
    this.#out.set(exchange, connection);
    stream.end(this.#bodies[index]);
    return true;
  }

  #settle(exchange: Exchange): void {
    const connection = this.#out.get(exchange);
    if (!connection) return;
    this.#out.delete(exchange);
    connection.open--;
    connection.usedAt = this.#clock.now();
    const { index, stream, reply } = exchange;
    if (reply) {
      this.#reconnects = 0;
      this.#note(index, judge(reply, this.#clock.now()));
    } else if (wasProcessed(stream, connection))
      this.#note(index, judgeSilence(resetReason(stream), 'perhaps'));
    else this.#replay(index);
    if (this.#waiting.length > 0) this.#pump();
  }

  #replay(index: number): void {
    const replays = (this.#replays.get(index) ?? 0) + 1;
    this.#replays.set(index, replays);
    if (replays <= MAX_REPLAYS) this.#waiting.push(index);
    else this.#note(index, judgeSilence('REFUSED_STREAM', 'no'));
  }

  #note(index: number, outcome: Outcome): void {
    this.#outcomes[index] = outcome;
    if (--this.#unsettled === 0) this.#done.resolve();
  }

  #refuseWaiting(reason: string): void {
    for (const index of this.#waiting.splice(0)) this.#note(index, judgeSilence(reason, 'no'));
  }

  #giveUp(reason: string): void {
    const out = [...this.#out];
    this.#out.clear();
    for (const [{ index, stream }, connection] of out) {
      connection.open--;
      connection.suspect = true;
      this.#note(index, judgeSilence(reason, stream.pending ? 'no' : 'perhaps'));
      stream.close(constants.NGHTTP2_CANCEL);
    }
    this.#refuseWaiting('NOT_SENT');
  }
}

/** One message and its answer. */
class Exchange {
  readonly stream: ClientHttp2Stream;
  readonly index: number;
  #status = 0;
  #retryAfter: string | null = null;
  #text = '';
  #ended = false;

  constructor(stream: ClientHttp2Stream, index: number, onClose: (exchange: Exchange) => void) {
    this.stream = stream;
    this.index = index;
    stream.setEncoding('utf8');
    stream.on('response', (headers) => {
      this.#status = headers[':status'] ?? 0;
      this.#retryAfter = headers['retry-after'] ?? null;
    });
    stream.on('data', (text: string) => (this.#text += text));
    stream.on('end', () => (this.#ended = true));
    // `close` follows every error and tells what became of the stream.
    stream.on('error', () => {});
    stream.on('close', () => onClose(this));
  }

  /** Null unless the answer came whole. */
  get reply(): { status: number; body: unknown; retryAfter: string | null } | null {
    const whole = this.#ended && this.stream.rstCode === constants.NGHTTP2_NO_ERROR;
    if (!whole || this.#status === 0) return null;
    return { status: this.#status, body: parseJson(this.#text), retryAfter: this.#retryAfter };
  }
}

/** False only where the server has said, or we know, that the message was not looked at: then it is safe to send again. */
function wasProcessed(stream: ClientHttp2Stream, { lastProcessedId }: Connection): boolean {
  const id = stream.id;
  return id !== undefined && stream.rstCode !== constants.NGHTTP2_REFUSED_STREAM && id <= lastProcessedId;
}

function resetReason({ rstCode }: ClientHttp2Stream): string {
  return rstCode === constants.NGHTTP2_NO_ERROR ? 'NO_ANSWER' : `RESET_${rstCode}`;
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'FAILED';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
