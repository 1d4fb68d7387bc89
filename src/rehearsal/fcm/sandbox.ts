import { createServer as createHttpServer, type Server } from 'node:http';
import http2, {
  constants,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { chance, drawFault, type Fault, type FaultMix } from './faults.ts';
import { openAcceptedLog } from './log.ts';
import { parseMessage, type SandboxMessage } from './message.ts';
import { answerOf, type Outage } from './outage.ts';
import { makeQuota } from './quota.ts';
import * as replies from './replies.ts';

const HOST = '127.0.0.1';

/** What FCM allows on a connection. */
const STREAMS = 100;

/** Half of all answers come within this factor of the median: the spread is log-normal. */
const LATENCY_SIGMA = 0.4;

const MARK_EVERY = 100;

export interface FcmSandboxOptions {
  /** PEM. Given: TLS; absent: cleartext HTTP/2. */
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly seed?: number;
  /** The median time to an answer. */
  readonly latencyMs?: number;
  /** Messages a minute for each project. */
  readonly quotaPerMinute?: number;
  /** What a 429 and a 503 ask for; absent: until the quota is filled again, and nothing. */
  readonly retryAfterSeconds?: number;
  readonly faults?: FaultMix;
  /** Streams that a connection may have open. */
  readonly maxStreams?: number;
  /** The projects that there are; absent: whatever is asked for. */
  readonly projects?: readonly string[];
  /** Refuses access tokens that its own token service has not given out, as Google does with those of a deleted key. */
  readonly checksTokens?: boolean;
  readonly outage?: Outage | undefined;
  /** Where every accepted message is written down before it is answered. */
  readonly logFile?: string;
}

export interface SandboxStats {
  requests: number;
  accepted: number;
  /** `validate_only`: checked, shown to nobody. */
  validated: number;
  /** Answered 429. */
  throttled: number;
  /** Accepted, but reset or left without an answer, so that the client cannot know. */
  ambiguous: number;
  sessions: number;
  /** From the first message that came in the outage to the last one. */
  outageHeardMs: number;
  /**
   * The share of the quota that was used while the middle three fifths of the messages were taken; 0 for too few to tell.
   */
  quotaUse: number;
  /** By FCM's error code, `OK`, or the fault that left no answer. */
  answers: Record<string, number>;
}

export interface FcmSandbox {
  readonly endpoint: string;
  /** The token service that `writeSandboxCredentials` sends Google's client to. */
  readonly tokenUrl: string;
  /** Target -> how often a message for it was accepted. */
  readonly accepted: ReadonlyMap<string, number>;
  /** The same of the messages with that collapse key. */
  acceptedOf(collapseKey: string): ReadonlyMap<string, number>;
  stats(): SandboxStats;
  close(): Promise<void>;
}

/** FCM's HTTP v1 on loopback: the same protocol, limits, errors and faults, and a log of what it accepted. */
export async function startFcmSandbox(options: FcmSandboxOptions = {}): Promise<FcmSandbox> {
  const {
    seed = 1,
    latencyMs = 0,
    quotaPerMinute = 600_000,
    retryAfterSeconds,
    faults = {},
    maxStreams = STREAMS,
    projects,
    checksTokens = false,
    outage,
    logFile,
  } = options;
  const log = openAcceptedLog(logFile);
  const quota = makeQuota(quotaPerMinute);
  const attempts = new Map<string, number>();
  const tokensGiven = new Set<string>();
  let firstAt: number | undefined;
  let outageAt: number | undefined;
  const sessions = new Set<ServerHttp2Session>();
  /** When each hundredth message was counted against the quota: refused ones are, but for a 429. */
  const marks: number[] = [];
  let counted = 0;
  const stats: SandboxStats = {
    requests: 0,
    accepted: 0,
    validated: 0,
    throttled: 0,
    ambiguous: 0,
    sessions: 0,
    outageHeardMs: 0,
    quotaUse: 0,
    answers: {},
  };

  const accept = ({ target, collapseKey }: SandboxMessage): void => {
    log.add(target, collapseKey);
    stats.accepted++;
  };
  const count = (code: string): void => {
    stats.answers[code] = (stats.answers[code] ?? 0) + 1;
  };

  function answer(stream: ServerHttp2Stream, reply: replies.FcmReply, afterMs: number): void {
    count(reply.code);
    if (reply.status === 429) stats.throttled++;
    const { status, body, retryAfterSeconds: retryAfter } = reply;
    const send = (): void => {
      if (stream.destroyed || stream.closed) {
        // The client gave the message up, though FCM has it; a client that died with its connection is another matter.
        if (reply.status === 200 && stream.session?.destroyed === false) stats.ambiguous++;
        return;
      }
      stream.respond({
        ':status': status,
        'content-type': 'application/json; charset=UTF-8',
        ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
      });
      stream.end(body);
    };
    if (afterMs > 0) setTimeout(send, afterMs);
    else send();
  }

  /** The message was read whole: what FCM makes of it. */
  function take(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, text: string): void {
    stats.requests++;
    const project = /^\/v1\/projects\/([^/]+)\/messages:send$/.exec(headers[':path'] ?? '')?.[1];
    if (project === undefined) return answer(stream, replies.NOT_FOUND, 0);
    const token = /^Bearer (\S+)$/.exec(headers.authorization ?? '')?.[1];
    if (token === undefined || (checksTokens && !tokensGiven.has(token))) {
      return answer(stream, replies.UNAUTHENTICATED, 0);
    }
    if (projects?.includes(project) === false) return answer(stream, replies.NOT_FOUND, 0);
    const message = parseMessage(text);
    const now = performance.now();
    firstAt ??= now;
    const down = outage ? answerOf(outage, now - firstAt) : null;
    if (down !== null) {
      outageAt ??= now;
      stats.outageHeardMs = now - outageAt;
      if (down !== 'silence') answer(stream, down, 0);
      return;
    }
    const fullInSeconds = quota.take(project);
    if (fullInSeconds > 0)
      return answer(stream, replies.quotaExceeded(retryAfterSeconds ?? fullInSeconds), 0);
    if (counted++ % MARK_EVERY === 0) marks.push(now);
    if ('status' in message) return answer(stream, message, 0);

    const { target, validateOnly } = message;
    const attempt = (attempts.get(target) ?? 0) + 1;
    attempts.set(target, attempt);
    const afterMs =
      latencyMs *
      logNormal(chance(seed, target, `latency ${attempt}`), chance(seed, target, `spread ${attempt}`));
    const fault = drawFault(faults, seed, target, attempt);
    const refusal = fault && refusalFor(fault, retryAfterSeconds);
    if (refusal) return answer(stream, refusal, afterMs);

    const leavesNoAnswer = fault === 'reset' || fault === 'silent';
    if (leavesNoAnswer && chance(seed, target, `taken ${attempt}`) < 0.5) {
      count(fault);
    } else if (validateOnly) {
      stats.validated++;
    } else {
      accept(message);
      if (leavesNoAnswer) {
        count(`${fault} after accepting`);
        stats.ambiguous++;
      }
    }
    if (fault === 'reset') stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    if (leavesNoAnswer) return;
    const name = `projects/${project}/messages/0:${Date.now()}%${stats.requests.toString(16)}`;
    answer(stream, replies.accepted(name), afterMs);
    // Streams that the client opened meanwhile, unseen by this side, are refused by the GOAWAY itself.
    if (fault === 'goaway') stream.session?.close();
  }

  const settings = { maxConcurrentStreams: maxStreams };
  const server = options.tls
    ? http2.createSecureServer({ ...options.tls, settings })
    : http2.createServer({ settings });
  server.on('session', (session: ServerHttp2Session) => {
    stats.sessions++;
    sessions.add(session);
    session.on('error', () => {});
    session.on('close', () => sessions.delete(session));
  });
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    let text = '';
    stream.setEncoding('utf8');
    stream.on('error', () => {});
    stream.on('data', (part: string) => (text += part));
    stream.on('end', () => take(stream, headers, text));
  });

  const tokens = makeTokenServer(tokensGiven);
  const [port, tokenPort] = await Promise.all([listen(server), listen(tokens)]);
  return {
    endpoint: `${options.tls ? 'https' : 'http'}://${HOST}:${port}`,
    tokenUrl: `http://${HOST}:${tokenPort}/token`,
    accepted: log.accepted,
    acceptedOf: (collapseKey) => log.acceptedOf(collapseKey),
    stats: () => ({ ...stats, quotaUse: quotaUseOf(marks, quotaPerMinute), answers: { ...stats.answers } }),
    async close() {
      for (const session of sessions) session.destroy();
      tokens.closeAllConnections();
      await Promise.all([closed(server), closed(tokens)]);
      log.close();
    },
  };
}

function quotaUseOf(marks: readonly number[], quotaPerMinute: number): number {
  const first = Math.floor(marks.length / 5);
  const last = Math.floor((marks.length * 4) / 5);
  const ms = (marks[last] ?? 0) - (marks[first] ?? 0);
  return ms > 0 ? ((last - first) * MARK_EVERY) / (ms * (quotaPerMinute / 60_000)) : 0;
}

/** Null for the faults that are not an answer. */
function refusalFor(fault: Fault, retryAfterSeconds: number | undefined): replies.FcmReply | null {
  const pause = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
  switch (fault) {
    case 'unregistered':
      return replies.UNREGISTERED;
    case 'invalid':
      return replies.BAD_TARGET;
    case 'mismatch':
      return replies.SENDER_ID_MISMATCH;
    case 'unavailable':
      return { ...replies.UNAVAILABLE, ...pause };
    case 'internal':
      return replies.INTERNAL;
    case 'quota':
      return replies.quotaExceeded(retryAfterSeconds ?? 60);
    case 'reset':
    case 'silent':
    case 'goaway':
      return null;
  }
}

/** Google's token exchange, as its client asks for a token with an `external_account`. RFC 8693. */
function makeTokenServer(given: Set<string>): Server {
  return createHttpServer((request, response) => {
    request.resume();
    request.on('end', () => {
      const token = `sandbox-${crypto.randomUUID()}`;
      given.add(token);
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          access_token: token,
          issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
          token_type: 'Bearer',
          expires_in: 3600,
        }),
      );
    });
  });
}

/** Box-Muller, from two even chances. */
function logNormal(one: number, two: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - one)) * Math.cos(2 * Math.PI * two);
  return Math.exp(LATENCY_SIGMA * normal);
}

function listen(server: Server | Http2Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, HOST, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    });
  });
}

function closed(server: Server | Http2Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
