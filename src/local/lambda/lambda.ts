import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { isAbsolute, parse } from 'node:path';
import { type Problem, PushError } from '../../errors.ts';
import { makeRoom } from '../http-body.ts';
import { listen } from '../listen.ts';
import { type LocalCredentials, makeCredentials } from './access.ts';
import { answer } from './api.ts';
import { workerEnv } from './env.ts';
import { makeLambdaFunction } from './function.ts';
import { API_LIMITS, type ApiLimits } from './limits.ts';
import { functionArn } from './names.ts';
import type { LocalSecrets } from './secrets.ts';
import type { LambdaStats } from './stats.ts';
import { makeWorkerPool } from './worker-pool.ts';

export { type LocalSecrets, secretArn } from './secrets.ts';
export type { LambdaStats } from './stats.ts';

const LOOPBACK = '127.0.0.1';
const DEFAULT_REGION = 'us-east-1';
const DEFAULT_TIMEOUT_MS = 300_000;
const MAX_TIMEOUT_MS = 900_000;
/** The size from which Lambda gives one full vCPU. */
const DEFAULT_MEMORY_MB = 1769;
/** Lambda retries a failed event after one minute, and once more after two. */
const DEFAULT_RETRY_DELAYS_MS = [60_000, 120_000];

export interface LocalLambdaOptions {
  readonly functionName: string;
  /** Absolute path of a module that exports `handler`. TypeScript runs by tsx. */
  readonly handlerFile: string;
  /** Variables of the function. Workers get these, those that Lambda defines, and PATH, HOME, LANG and TMPDIR: no others. */
  readonly env: Readonly<Record<string, string>>;
  /** Maximum number of concurrent invocations, like an account's concurrency. */
  readonly workers: number;
  readonly timeoutMs?: number;
  /** Only reported, not enforced. */
  readonly memoryMb?: number;
  /** Null: no reservation; 0 stops the function. The API can change it. */
  readonly reservedConcurrency?: number | null;
  /** Waits before each retry of an event that failed. */
  readonly retryDelaysMs?: readonly number[];
  /** Node flags for the workers. */
  readonly execArgv?: readonly string[];
  /** Aliases of the function, besides $LATEST. */
  readonly aliases?: readonly string[];
  /** What clients sign their requests with; absent: made anew. */
  readonly credentials?: LocalCredentials;
  /** What the function finds at the ARNs in its variables; absent: it asks the real Secrets Manager. */
  readonly secrets?: LocalSecrets;
  /** Port of the API on loopback; absent or 0: any free port. */
  readonly port?: number;
  readonly limits?: Partial<ApiLimits>;
  /** Number of times that the next event is delivered. AWS guarantees at least once; 0 loses the event. */
  readonly deliveries?: () => number;
  /** Receives the event of each invocation, of a retry too, as it starts. */
  readonly onStart?: (payload: Buffer) => void;
  /** Receives every line that the workers and the local Lambda print. */
  readonly onLog?: (line: string) => void;
}

export interface LocalLambda {
  /** Address for AWS_ENDPOINT_URL_LAMBDA or --endpoint-url: http://127.0.0.1:PORT. */
  readonly endpoint: string;
  /** What a client has to sign its requests with. */
  readonly credentials: LocalCredentials;
  stats(): LambdaStats;
  /** Resolves once nothing runs and nothing is queued; an event that waits for its retry is queued. */
  idle(): Promise<void>;
  /**
   * Ends one busy worker with kill -9: the one at `share` (from 0 to below 1) of the list of busy workers. Returns its event;
   * null if no worker is busy.
   */
  killOne(share: number): unknown;
  /** Kills the workers and drops the queue. */
  close(): Promise<void>;
}

/**
 * `startLocalLambda` runs Lambda for one function on this machine. It serves the API of the AWS SDKs and of the `aws` command
 * line, with an event queue, retries, time-outs, reserved concurrency and recursive loop detection, and with one process for
 * each concurrent invocation. It answers requests that are signed with `credentials`; signatures themselves are not checked.
 * Throws PushError('BAD_INPUT').
 */
export async function startLocalLambda(options: LocalLambdaOptions): Promise<LocalLambda> {
  checkOptions(options);
  const { functionName, handlerFile, env, workers, execArgv = [], aliases = [], port = 0 } = options;
  const { timeoutMs = DEFAULT_TIMEOUT_MS, memoryMb = DEFAULT_MEMORY_MB } = options;
  const { retryDelaysMs = DEFAULT_RETRY_DELAYS_MS, reservedConcurrency = null } = options;
  const { deliveries = () => 1, onLog = () => {}, onStart, secrets = null } = options;
  const region = env['AWS_REGION'] ?? DEFAULT_REGION;

  const limits = { ...API_LIMITS, ...options.limits };
  const server = createServer({
    keepAliveTimeout: limits.idleMs,
    headersTimeout: limits.headMs,
    requestTimeout: limits.requestMs,
    connectionsCheckingInterval: limits.checkMs,
  });
  server.maxConnections = limits.connections;
  const { port: bound } = await listen(server, LOOPBACK, port);
  const endpoint = `http://${LOOPBACK}:${bound}`;
  const { credentials = makeCredentials() } = options;

  const settings = {
    functionName,
    handlerFile,
    region,
    memoryMb,
    // The function's own variables, so that nothing changes for one without secrets of this machine.
    env: secrets === null ? env : { ...env, AWS_ENDPOINT_URL_SECRETS_MANAGER: endpoint },
    endpoint,
    credentials,
  };
  const pool = makeWorkerPool(
    {
      handlerFile,
      execArgv,
      timeoutMs,
      memoryMb,
      onLog,
      makeEnv: (runtimeApi) => workerEnv(settings, process.env, makeLogStreamName(), runtimeApi),
    },
    workers,
  );
  const about = {
    name: functionName,
    region,
    aliases,
    handlerFile,
    timeoutMs,
    memoryMb,
    startedAt: new Date().toISOString(),
    hosts: [`${LOOPBACK}:${bound}`, `localhost:${bound}`],
    credentials,
    payloads: makeRoom(limits.payloadBytes),
    secrets,
  };
  const rules = {
    functionName,
    functionArn: functionArn(about),
    workers,
    retryDelaysMs,
    onLog,
    deliveries,
    onStart,
  };
  const fn = makeLambdaFunction(rules, pool, reservedConcurrency);
  server.on('request', (request, response) => {
    answer(request, response, randomUUID(), fn, about).catch(() => response.destroy());
  });

  return {
    endpoint,
    credentials,
    stats: () => fn.stats(),
    idle: () => fn.idle(),
    killOne(share) {
      const busy = pool.busy();
      const victim = busy[Math.floor(share * busy.length)];
      if (!victim) return null;
      pool.kill(victim);
      return JSON.parse(victim.payload.toString()) as unknown;
    },
    async close() {
      fn.stop();
      const closed = once(server, 'close');
      server.close();
      await pool.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** `makeLogStreamName` makes a name as in CloudWatch: day, version, execution environment. */
function makeLogStreamName(): string {
  const day = new Date().toISOString().slice(0, 10).replaceAll('-', '/');
  return `${day}/[$LATEST]${randomBytes(16).toString('hex')}`;
}

function checkOptions(options: LocalLambdaOptions): void {
  const {
    functionName,
    handlerFile,
    workers,
    timeoutMs = 1,
    reservedConcurrency = null,
    retryDelaysMs = [],
  } = options;
  const problems: Problem[] = [];
  const check = (ok: boolean, field: string, expected: string, got: unknown): void => {
    if (!ok) problems.push({ field, expected, got: String(got) });
  };
  const isName = /^[a-zA-Z0-9-_]{1,64}$/.test(functionName);
  check(isName, 'functionName', '1 to 64 letters, digits, - or _', functionName);
  check(isAbsolute(handlerFile) && existsSync(handlerFile), 'handlerFile', 'the path of a file', handlerFile);
  // Lambda reads everything after the first dot of `file.export` as the name of the export.
  check(!parse(handlerFile).name.includes('.'), 'handlerFile', 'a file name with one dot', handlerFile);
  check(isWhole(workers, 1), 'workers', 'a whole number from 1', workers);
  const isTime = isWhole(timeoutMs, 1) && timeoutMs <= MAX_TIMEOUT_MS;
  check(isTime, 'timeoutMs', `milliseconds, from 1 to ${MAX_TIMEOUT_MS}`, timeoutMs);
  const isReserved = reservedConcurrency === null || isWhole(reservedConcurrency, 0);
  check(isReserved, 'reservedConcurrency', 'null or a whole number from 0', reservedConcurrency);
  const areDelays = retryDelaysMs.every((delayMs) => isWhole(delayMs, 0));
  check(areDelays, 'retryDelaysMs', 'milliseconds, from 0', retryDelaysMs.join(', '));
  if (problems.length > 0) throw PushError.of('BAD_INPUT', problems);
}

function isWhole(value: number, min: number): boolean {
  return Number.isSafeInteger(value) && value >= min;
}
