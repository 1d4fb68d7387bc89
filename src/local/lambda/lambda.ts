import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isAbsolute, parse } from 'node:path';
import { type Problem, PushError } from '../../errors.ts';
import { answer } from './api.ts';
import { workerEnv } from './env.ts';
import { makeLambdaFunction } from './function.ts';
import { functionArn } from './names.ts';
import type { LambdaStats } from './stats.ts';
import { makeWorkerPool } from './worker-pool.ts';

export type { LambdaStats } from './stats.ts';

const LOOPBACK = '127.0.0.1';
const DEFAULT_REGION = 'us-east-1';
const DEFAULT_TIMEOUT_MS = 300_000;
const MAX_TIMEOUT_MS = 900_000;
/** Where Lambda gives one full vCPU. */
const DEFAULT_MEMORY_MB = 1769;
/** Lambda tries a failed event again after one minute, and then once more after two. */
const DEFAULT_RETRY_DELAYS_MS = [60_000, 120_000];
/** Longer than callers keep an unused connection, so that it is not closed under a request. */
const KEEP_ALIVE_MS = 120_000;

export interface LocalLambdaOptions {
  readonly functionName: string;
  /** Absolute path of a module (.ts is fine: Node 24 strips types) that exports `handler`. */
  readonly handlerFile: string;
  /** The function's variables. Workers get these, what Lambda defines, and PATH, HOME, LANG and TMPDIR: nothing else. */
  readonly env: Readonly<Record<string, string>>;
  /** At most this many invocations at once over all, like an account's concurrency. */
  readonly workers: number;
  readonly timeoutMs?: number;
  /** Only reported. */
  readonly memoryMb?: number;
  /** Null for none; 0 stops the function. The API can change it. */
  readonly reservedConcurrency?: number | null;
  /** The waits before each repeat of an event that failed. */
  readonly retryDelaysMs?: readonly number[];
  /** Node flags for the workers. */
  readonly execArgv?: readonly string[];
  /** Qualifiers besides $LATEST that stand for the function. */
  readonly aliases?: readonly string[];
  readonly port?: number;
  /** How often the next event is delivered: AWS promises at least once. 0 loses it. */
  readonly deliveries?: () => number;
  /** Every line that the workers and the platform print. */
  readonly onLog?: (line: string) => void;
}

export interface LocalLambda {
  /** http://127.0.0.1:PORT, for AWS_ENDPOINT_URL_LAMBDA or --endpoint-url. */
  readonly endpoint: string;
  stats(): LambdaStats;
  /** Resolves when nothing runs and nothing is queued; a repeat that waits is queued. */
  idle(): Promise<void>;
  /** kill -9 of the worker at `which` (from 0 to below 1) of those at work: its event, or null if all rest. */
  killOne(which: number): unknown;
  /** Kills the workers and drops the queue. */
  close(): Promise<void>;
}

/**
 * Lambda for one function on this machine, behind the API that the AWS SDKs and the `aws` command line speak: queued
 * events with repeats, time-outs, reserved concurrency and recursive loop detection, and a process for each invocation
 * that runs at once. Signatures are not checked. Throws BAD_INPUT.
 */
export async function startLocalLambda(options: LocalLambdaOptions): Promise<LocalLambda> {
  checkOptions(options);
  const { functionName, handlerFile, env, workers, execArgv = [], aliases = [], port = 0 } = options;
  const { timeoutMs = DEFAULT_TIMEOUT_MS, memoryMb = DEFAULT_MEMORY_MB } = options;
  const { retryDelaysMs = DEFAULT_RETRY_DELAYS_MS, reservedConcurrency = null } = options;
  const { deliveries = () => 1, onLog = () => {} } = options;
  const region = env['AWS_REGION'] ?? DEFAULT_REGION;

  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS });
  try {
    server.listen(port, LOOPBACK);
    await once(server, 'listening');
  } catch (cause) {
    throw new PushError('BAD_INPUT', `port: ${port} cannot be listened on`, { cause });
  }
  const endpoint = `http://${LOOPBACK}:${(server.address() as AddressInfo).port}`;

  const settings = { functionName, handlerFile, region, memoryMb, env, endpoint };
  const pool = makeWorkerPool({
    handlerFile,
    execArgv,
    timeoutMs,
    memoryMb,
    onLog,
    makeEnv: (runtimeApi) => workerEnv(settings, process.env, makeLogStreamName(), runtimeApi),
  });
  const about = {
    name: functionName,
    region,
    aliases,
    handlerFile,
    timeoutMs,
    memoryMb,
    startedAt: new Date().toISOString(),
  };
  const rules = { functionName, functionArn: functionArn(about), workers, retryDelaysMs, onLog, deliveries };
  const fn = makeLambdaFunction(rules, pool, reservedConcurrency);
  server.on('request', (request, response) => {
    answer(request, response, randomUUID(), fn, about).catch(() => response.destroy());
  });

  return {
    endpoint,
    stats: () => fn.stats(),
    idle: () => fn.idle(),
    killOne(which) {
      const busy = pool.busy();
      const victim = busy[Math.floor(which * busy.length)];
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

/** As in CloudWatch: day, version, and which execution environment it was. */
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
  // Lambda takes what follows the first dot of `file.export` for the export.
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

function isWhole(value: number, least: number): boolean {
  return Number.isSafeInteger(value) && value >= least;
}
