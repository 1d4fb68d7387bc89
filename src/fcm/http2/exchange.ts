import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from 'node:http2';
import { type AnswerHeaders, mayAnnounce } from '../../announced.ts';
import type { Connection } from './connection.ts';
import type { Reply } from '../verdict.ts';

export interface ExchangeOwner {
  /** The exchange's answer has headers that may announce something. */
  hear(headers: AnswerHeaders): void;
  /** The exchange's stream is closed: answered, reset, or lost with its connection. */
  settle(exchange: Exchange): void;
}

/** FCM's answers are a line or two. Of a longer one only the status counts, and its stream is closed. */
const MAX_BODY_BYTES = 65_536;

const EXCHANGE = Symbol('exchange');

/** A stream that knows its exchange: four functions serve the events of all streams, instead of four closures for each. */
interface CarryingStream extends ClientHttp2Stream {
  [EXCHANGE]: Exchange;
}

/** One message in flight, and its answer. */
export class Exchange {
  readonly owner: ExchangeOwner;
  /** The position of the message in its batch. */
  readonly index: number;
  readonly connection: Connection;
  readonly openedAt: number;
  readonly #stream: ClientHttp2Stream;
  #status = 0;
  #retryAfter: string | null = null;
  /** The first part of the body. Nearly every answer has only this one. */
  #body: Buffer | null = null;
  #more: Buffer[] | null = null;
  #bodyBytes = 0;

  constructor(
    owner: ExchangeOwner,
    index: number,
    connection: Connection,
    openedAt: number,
    stream: ClientHttp2Stream,
    body: string,
  ) {
    this.owner = owner;
    this.index = index;
    this.connection = connection;
    this.openedAt = openedAt;
    this.#stream = stream;
    (stream as CarryingStream)[EXCHANGE] = this;
    stream.on('response', onResponse);
    stream.on('data', onData);
    // `close` follows every error, and the stream then knows how it ended.
    stream.on('error', ignore);
    stream.on('close', onClose);
    stream.end(body);
    connection.open++;
  }

  /**
   * FCM's answer; null unless it is complete. The reset code is the test, not the event `end`: a GOAWAY with an error destroys
   * the session and its streams, and then `end` can be missing on a stream whose answer has just been read.
   */
  get reply(): Reply | null {
    const isTooLong = this.#bodyBytes > MAX_BODY_BYTES;
    if (this.#status === 0 || (this.#stream.rstCode !== constants.NGHTTP2_NO_ERROR && !isTooLong))
      return null;
    const body = isTooLong ? null : parseJson(this.#joinBody());
    return { status: this.#status, body, retryAfter: this.#retryAfter };
  }

  /** False only if it is certain that the server did not process the message: then it is safe to send it again. */
  get mayBeProcessed(): boolean {
    const { id, rstCode } = this.#stream;
    return (
      id !== undefined &&
      rstCode !== constants.NGHTTP2_REFUSED_STREAM &&
      id <= this.connection.lastProcessedId
    );
  }

  get resetCode(): number {
    return this.#stream.rstCode ?? constants.NGHTTP2_NO_ERROR;
  }

  abandon(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  onResponse(headers: IncomingHttpHeaders & { ':status'?: number }): void {
    this.#status = headers[':status'] ?? 0;
    this.#retryAfter = headers['retry-after'] ?? null;
    if (mayAnnounce(headers)) this.owner.hear(headers);
  }

  onData(part: Buffer): void {
    if (this.#bodyBytes > MAX_BODY_BYTES) return;
    this.#bodyBytes += part.length;
    if (this.#bodyBytes > MAX_BODY_BYTES) {
      this.#body = null;
      this.#more = null;
      this.abandon();
    } else if (this.#body === null) this.#body = part;
    else (this.#more ??= []).push(part);
  }

  /** All parts are copied once: joined one by one, an answer of many small parts would take quadratic time. */
  #joinBody(): Buffer | null {
    return this.#body && this.#more ? Buffer.concat([this.#body, ...this.#more]) : this.#body;
  }
}

function onResponse(this: CarryingStream, headers: IncomingHttpHeaders): void {
  this[EXCHANGE].onResponse(headers);
}

function onData(this: CarryingStream, part: Buffer): void {
  this[EXCHANGE].onData(part);
}

function onClose(this: CarryingStream): void {
  const exchange = this[EXCHANGE];
  exchange.owner.settle(exchange);
}

function ignore(): void {}

/** Parses all of the answer, a line or two: a search for the name alone would save 60 ns of about 35,000. */
function parseJson(body: Buffer | null): unknown {
  try {
    return JSON.parse(String(body)) as unknown;
  } catch {
    return null;
  }
}
