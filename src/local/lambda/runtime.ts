import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { createRequire } from 'node:module';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  type Ending,
  errorResult,
  exitWords,
  failure,
  type Invocation,
  reportLine,
  responseResult,
  type Result,
  tailOf,
} from './invocation.ts';
import { readLines } from './log-lines.ts';
import { type RuntimeCalls, type RuntimeTask, startRuntimeApi } from './runtime-api.ts';

const WORKER_FILE = fileURLToPath(new URL('worker.ts', import.meta.url));

const TYPESCRIPT_FILE = /\.[cm]?tsx?$/;

/**
 * Node flags that let a worker run TypeScript, JSX included. `tsx/esm` registers its hooks for ES modules only. Measured CPU
 * time until a worker with the real handler is ready (median of 13): 430 ms, as with Node's own type stripping, and 550 ms
 * with the whole of tsx. An absolute address, because `--import` resolves a name from the working directory.
 */
function typescriptFlags(): string[] {
  const loader = createRequire(import.meta.url).resolve('tsx/esm');
  return ['--import', pathToFileURL(loader).href];
}

/** Lambda limits INIT to 10 s; after that, it starts INIT again within the function's own time-out. */
const INIT_LIMIT_MS = 10_000;

export interface WorkerSettings {
  readonly handlerFile: string;
  readonly execArgv: readonly string[];
  readonly timeoutMs: number;
  readonly memoryMb: number;
  readonly makeEnv: (runtimeApi: string) => Record<string, string>;
  readonly onLog: (line: string) => void;
}

/** One worker process with its own Runtime API: one invocation at a time. */
export interface Worker {
  /** Resolves when the worker has answered and asks for its next invocation, or has ended. Never rejects. */
  run(invocation: Invocation): Promise<Ending>;
  /** Resolves when the process has ended. */
  readonly gone: Promise<void>;
  kill(): void;
}

interface Task {
  readonly invocation: Invocation;
  readonly log: string[];
  readonly resolve: (ending: Ending) => void;
  timer: NodeJS.Timeout;
  /** Time at which the worker received the invocation; null: the worker is still starting. */
  startedAt: number | null;
  result: Result | null;
  durationMs: number;
  concluded: boolean;
}

export async function startWorker(settings: WorkerSettings): Promise<Worker> {
  const { timeoutMs, memoryMb } = settings;
  const spawnedAt = performance.now();
  const usage = { maxRssMb: 0, cpuMs: 0, cpuMsReported: 0 };
  let isWarm = false;
  let task: Task | null = null;
  let deliver: ((task: RuntimeTask) => void) | null = null;
  /** Why the process ended; null while it runs. */
  let end: string | null = null;

  const secret = randomUUID();
  const calls: RuntimeCalls = {
    next(deliverTask) {
      deliver = deliverTask;
      if (task?.result) void conclude(task);
      else if (task?.startedAt === null) handOut(task, deliverTask);
    },
    answer(requestId, kind, body, headers) {
      if (!task || task.result || task.invocation.requestId !== requestId) return false;
      readUsage(headers);
      settle(task, kind === 'error' ? errorResult('error', body) : responseResult(body));
      return true;
    },
    initError(body, headers) {
      readUsage(headers);
      if (task) settle(task, errorResult('crash', body));
    },
  };
  const api = await startRuntimeApi(calls, secret);
  const child = spawnWorker(settings, api.address, secret);
  readLines(child.stdout, log);
  readLines(child.stderr, log);
  const gone = new Promise<void>((resolve) => {
    const leave = (words: string): void => {
      end = words;
      api.close();
      if (task) crash(task, words);
      resolve();
    };
    child.on('exit', (code, signal) => leave(exitWords(code, signal)));
    // A process that could not be started has an 'error' event and no 'exit' event.
    child.on('error', (error) => leave(`Runtime failed to start: ${error.message}`));
  });

  function log(line: string): void {
    task?.log.push(line);
    settings.onLog(line);
  }

  function handOut(current: Task, deliverTask: (task: RuntimeTask) => void): void {
    const { requestId, functionArn, trace, clientContext, payload } = current.invocation;
    deliver = null;
    clearTimeout(current.timer);
    current.timer = setTimeout(() => timeOut(current), timeoutMs);
    current.startedAt = performance.now();
    log(`START RequestId: ${requestId} Version: $LATEST`);
    deliverTask({
      payload,
      headers: {
        'Lambda-Runtime-Aws-Request-Id': requestId,
        'Lambda-Runtime-Deadline-Ms': String(Date.now() + timeoutMs),
        'Lambda-Runtime-Invoked-Function-Arn': functionArn,
        'Lambda-Runtime-Trace-Id': trace,
        ...(clientContext === null ? {} : { 'Lambda-Runtime-Client-Context': clientContext }),
      },
    });
  }

  function timeOut(current: Task): void {
    const { requestId } = current.invocation;
    const words = `Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`;
    // A worker that has answered, but does not ask for its next invocation in time, is ended without a log line.
    if (!current.result) log(`${new Date().toISOString()} ${requestId} ${words}`);
    settle(current, failure('timeout', 'Sandbox.Timedout', `RequestId: ${requestId} Error: ${words}`));
    child.kill('SIGKILL');
  }

  function crash(current: Task, words: string): void {
    const message = `RequestId: ${current.invocation.requestId} Error: ${words}`;
    settle(current, failure('crash', 'Runtime.ExitError', message));
    void conclude(current);
  }

  /** `settle` keeps the first result: an answer, an error, the time-out or the worker's end. */
  function settle(current: Task, result: Result): void {
    if (current.result) return;
    current.result = result;
    current.durationMs = performance.now() - (current.startedAt ?? spawnedAt);
  }

  async function conclude(current: Task): Promise<void> {
    const { invocation, result, durationMs } = current;
    if (!result || current.concluded) return;
    current.concluded = true;
    clearTimeout(current.timer);
    // The function's last lines may still be in the pipe: they belong before END.
    await nextTurn();
    await nextTurn();
    const initMs = isWarm || current.startedAt === null ? null : current.startedAt - spawnedAt;
    const { maxRssMb } = usage;
    log(`END RequestId: ${invocation.requestId}`);
    log(reportLine(invocation.requestId, result, { durationMs, initMs, memoryMb, maxRssMb }));
    const cpuMs = usage.cpuMs - usage.cpuMsReported;
    usage.cpuMsReported = usage.cpuMs;
    isWarm = true;
    task = null;
    current.resolve({ ...result, maxRssMb, cpuMs, logTail: tailOf(current.log) });
  }

  /** `readUsage` reads headers that only the local worker sends, not AWS's own runtime. */
  function readUsage(headers: IncomingHttpHeaders): void {
    usage.maxRssMb = Math.max(usage.maxRssMb, Number(headers['baton-worker-max-rss-kb'] ?? 0) / 1024);
    usage.cpuMs = Math.max(usage.cpuMs, Number(headers['baton-worker-cpu-us'] ?? 0) / 1000);
  }

  return {
    gone,
    kill: () => child.kill('SIGKILL'),
    run: (invocation) =>
      new Promise((resolve) => {
        const current: Task = {
          invocation,
          log: [],
          resolve,
          timer: setTimeout(() => timeOut(current), INIT_LIMIT_MS + timeoutMs),
          startedAt: null,
          result: null,
          durationMs: 0,
          concluded: false,
        };
        task = current;
        if (end !== null) crash(current, end);
        else if (deliver) handOut(current, deliver);
      }),
  };
}

function spawnWorker({ execArgv, handlerFile, makeEnv }: WorkerSettings, runtimeApi: string, secret: string) {
  const flags = [...(TYPESCRIPT_FILE.test(handlerFile) ? typescriptFlags() : []), ...execArgv];
  return spawn(process.execPath, [...flags, WORKER_FILE, handlerFile], {
    env: { ...makeEnv(runtimeApi), BATON_WORKER_SECRET: secret },
    stdio: ['ignore', 'pipe', 'pipe'],
  }) satisfies ChildProcess;
}
