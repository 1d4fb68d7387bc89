import { once } from 'node:events';
import type { Server } from 'node:http';
import http2, {
  constants,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { systemClock } from '../../clock.ts';
import type { Clock } from '../../context.ts';
import { PushError } from '../../errors.ts';
import type { MoreHeaders } from './announced.ts';
import { makeService, type ServiceOptions } from './decide.ts';
import { makeDeliveryData } from './delivery-data.ts';
import { DEFAULT_SIGMA, NO_TAIL } from './latency.ts';
import { watchLateReads } from './late-reads.ts';
import { openAcceptedLog } from './log.ts';
import type { FcmReply } from './replies.ts';
import { makeSandboxTally, type SandboxStats } from './stats.ts';
import { makeTokenService } from './tokens.ts';

export type { SandboxStats } from './stats.ts';

const HOST = '127.0.0.1';

/** FCM's own limit of streams per connection. */
const MAX_STREAMS = 100;

export interface FcmSandboxOptions extends Partial<ServiceOptions> {
  /** PEM. Present: TLS; absent: cleartext HTTP/2. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Maximum number of open streams per connection. */
  readonly maxStreams?: number;
  /** True: refuse access tokens that the sandbox has not issued, as Google refuses those of a deleted key. */
  readonly checksTokens?: boolean;
  /** File to which every accepted message is written before it is answered. */
  readonly logFile?: string;
  /** How long the client waits for an answer: one that it reads later is ambiguous. Absent: not known, and not counted. */
  readonly clientTimeoutMs?: number;
  /** Port of FCM on loopback; absent or 0: any free port. */
  readonly port?: number;
  /** Port of the token service on loopback; absent or 0: any free port. */
  readonly tokenPort?: number;
  readonly clock?: Pick<Clock, 'now'>;
  /** Headers of each answer, of FCM and of the token service: see `parseAnnounced`. */
  readonly headers?: MoreHeaders;
}

export interface FcmSandbox {
  readonly endpoint: string;
  /** The token service that `writeSandboxCredentials` sends Google's client to. */
  readonly tokenUrl: string;
  /** FCM's Data API, which takes the tokens of the token service. */
  readonly dataEndpoint: string;
  /** Number of accepted messages by target. */
  readonly accepted: ReadonlyMap<string, number>;
  /** Number of accepted messages with this collapse key, by target. */
  acceptedOf(collapseKey: string): ReadonlyMap<string, number>;
  stats(): SandboxStats;
  close(): Promise<void>;
}

/**
 * `startFcmSandbox` starts FCM's HTTP v1 API on loopback: the same protocol, limits, errors and faults, and a log of the
 * messages that it accepted. Throws PushError('BAD_INPUT') if it cannot listen.
 */
export async function startFcmSandbox(options: FcmSandboxOptions = {}): Promise<FcmSandbox> {
  const { quotaPerMinute = 600_000, maxStreams = MAX_STREAMS, checksTokens = false } = options;
  const {
    tls,
    logFile,
    port = 0,
    tokenPort = 0,
    clock = systemClock,
    clientTimeoutMs,
    headers: more = {},
  } = options;
  const log = openAcceptedLog(logFile);
  const tally = makeSandboxTally(quotaPerMinute);
  const deliveryData = makeDeliveryData(clock);
  const tokens = makeTokenService(more, deliveryData.answer);
  const decide = makeService(
    {
      log,
      tally,
      clock,
      onAccepted: deliveryData.count,
      isAuthorized: (token) => !checksTokens || tokens.hasIssued(token),
    },
    { seed: 1, latencyMs: 0, sigma: DEFAULT_SIGMA, tail: NO_TAIL, faults: {}, ...options, quotaPerMinute },
  );
  const sessions = new Set<ServerHttp2Session>();
  /** Streams whose answer is not written yet. */
  const waiting = new Map<ServerHttp2Stream, Waiting>();
  const watch =
    clientTimeoutMs === undefined
      ? null
      : watchLateReads(clientTimeoutMs, clock, () => tally.counts.ambiguous++);

  const due: (() => void)[] = [];

  function answer(stream: ServerHttp2Stream, reply: FcmReply, afterMs: number): void {
    const { status, body, code, retryAfterSeconds } = reply;
    tally.countAnswer(code);
    if (status === 429) tally.counts.throttled++;
    const sentAt = watch?.earliestSentAt() ?? 0;
    const send = (): void => {
      waiting.delete(stream);
      if (stream.destroyed || stream.closed) return;
      stream.respond({
        ':status': status,
        'content-type': 'application/json; charset=UTF-8',
        ...more,
        ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
      });
      stream.end(body);
      if (status === 200 && stream.session) watch?.add(stream.session, sentAt);
    };
    const timer = afterMs > 0 ? setTimeout(() => sendSoon(send), afterMs) : undefined;
    waiting.set(stream, { reply, timer });
    if (timer === undefined) sendSoon(send);
  }

  /**
   * An answer that is due goes out after the sockets were read: on a busy machine the client may have given the message up
   * long ago, and a stream that is answered first would hide that.
   */
  function sendSoon(send: () => void): void {
    if (due.push(send) === 1) setImmediate(sendDue);
  }

  function sendDue(): void {
    log.flush();
    for (const send of due.splice(0)) send();
  }

  /**
   * The client closed the stream before its answer was written. A message that was accepted is then counted as ambiguous, at once:
   * with a long tail, the answer would be due after the broadcast. It is not counted if the client died, and its connection
   * with it.
   */
  function giveUp(stream: ServerHttp2Stream): void {
    const answering = waiting.get(stream);
    if (answering === undefined) return;
    waiting.delete(stream);
    clearTimeout(answering.timer);
    const isReset = stream.rstCode !== constants.NGHTTP2_NO_ERROR;
    const isAlive = stream.session?.socket.destroyed === false;
    if (isReset && isAlive && answering.reply.status === 200) tally.counts.ambiguous++;
  }

  function handle(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, body: string): void {
    // The client took its request back while it arrived.
    if (stream.closed || stream.destroyed) return;
    const { ':path': path = '', authorization = '' } = headers;
    const decision = decide({ path, authorization, body });
    switch (decision.kind) {
      case 'answer':
        return answer(stream, decision.reply, decision.afterMs);
      case 'goaway':
        answer(stream, decision.reply, decision.afterMs);
        // Streams that the client opened meanwhile, unknown to this side, are refused by the GOAWAY itself.
        return stream.session?.close();
      case 'reset':
        log.flush();
        return stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      case 'silence':
        return;
    }
  }

  const settings = { maxConcurrentStreams: maxStreams };
  const server = tls ? http2.createSecureServer({ ...tls, settings }) : http2.createServer({ settings });
  server.on('session', (session: ServerHttp2Session) => {
    tally.counts.sessions++;
    sessions.add(session);
    session.on('error', () => {});
    session.on('close', () => sessions.delete(session));
  });
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    let text = '';
    stream.setEncoding('utf8');
    stream.on('error', () => {});
    stream.on('aborted', () => giveUp(stream));
    stream.on('data', (part: string) => (text += part));
    stream.on('end', () => handle(stream, headers, text));
  });

  const fcmPort = await listen(server, port);
  const tokenServicePort = await listen(tokens.server, tokenPort).catch(async (error: unknown) => {
    await closed(server);
    throw error;
  });
  return {
    endpoint: `${tls ? 'https' : 'http'}://${HOST}:${fcmPort}`,
    tokenUrl: `http://${HOST}:${tokenServicePort}/token`,
    dataEndpoint: `http://${HOST}:${tokenServicePort}`,
    accepted: log.accepted,
    acceptedOf: (collapseKey) => log.acceptedOf(collapseKey),
    stats: () => tally.stats(),
    async close() {
      watch?.close();
      for (const session of sessions) session.destroy();
      tokens.server.closeAllConnections();
      await Promise.all([closed(server), closed(tokens.server)]);
      log.close();
    },
  };
}

/** A stream with an accepted message whose answer is to be written. */
interface Waiting {
  readonly reply: FcmReply;
  /** Absent: the answer is due. */
  readonly timer: NodeJS.Timeout | undefined;
}

async function listen(server: Server | Http2Server, port: number): Promise<number> {
  try {
    server.listen(port, HOST);
    await once(server, 'listening');
  } catch (cause) {
    throw new PushError('BAD_INPUT', `port: expected a free port, got ${port} on ${HOST}`, { cause });
  }
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

function closed(server: Server | Http2Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
