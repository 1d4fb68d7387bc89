import { fileURLToPath } from 'node:url';
import { InvokeCommand, LambdaClient, PutFunctionRecursionConfigCommand } from '@aws-sdk/client-lambda';
import { systemClock } from '../clock.ts';
import { describeFailure } from '../errors.ts';
import type { Clock } from '../context.ts';
import { CHECKS } from '../model/notice.ts';
import { isObject } from '../parse.ts';
import type { RecursiveLoop } from './lambda/function.ts';
import { type LocalLambda, type LocalSecrets, startLocalLambda } from './lambda/lambda.ts';

const FUNCTION_NAME = 'baton';
const HANDLER_FILE = fileURLToPath(new URL('../handler.ts', import.meta.url));

/** Period of the real schedule: EventBridge's shortest is one minute. */
const SCAN_MS = 60_000;
/** Waits of Lambda before it repeats an event that failed. */
const RETRY_DELAYS_MS = [60_000, 120_000];

/**
 * Memory limits of a worker. A page of 3000 keeps about 30 MB alive, but without limits V8 lets garbage grow to a share of
 * the machine's memory: measured over 100 hops, workers had 340 MB without these limits and 140 MB with them, at the same
 * speed.
 */
const WORKER_FLAGS = ['--max-old-space-size=96', '--max-semi-space-size=4'];

export interface EngineOptions {
  /** Environment of the function. */
  readonly env: Readonly<Record<string, string>>;
  /** What the workers find at the ARNs in `env`. */
  readonly secrets?: LocalSecrets;
  /** Maximum number of concurrent invocations. */
  readonly workers: number;
  /** Setting of PutFunctionRecursionConfig; with `Terminate` Lambda drops the 17th invocation of a chain. */
  readonly recursiveLoop?: RecursiveLoop;
  /** Factor that shortens all waits of Lambda and of the schedule. */
  readonly hurry?: number;
  /** Time-out of the function. */
  readonly timeoutMs?: number;
  /** Whether the scheduler runs: without it, only the caller sends scan events. */
  readonly ticks: boolean;
  /** Node flags for the workers. */
  readonly execArgv?: readonly string[];
  /** Number of times that Lambda delivers the next event. */
  readonly deliveries?: () => number;
  /** Port of the Lambda API on loopback; absent or 0: any free port. */
  readonly port?: number;
  readonly clock?: Clock;
  readonly onLog: (line: string) => void;
}

/** What runs Baton on one machine: a local Lambda with the real handler, and a scheduler that invokes it. */
export interface Engine {
  readonly lambda: LocalLambda;
  readonly hurry: number;
  readonly clock: Clock;
  readonly functionName: string;
  /** Invokes the function asynchronously through the AWS SDK; resolves once the event is accepted. */
  invoke(event: object): Promise<void>;
  /** Invokes the function synchronously; resolves to its reply, and rejects if it failed. */
  call(event: object): Promise<unknown>;
  /** Number of invocations for a check: doctor, radar or canary. */
  checks(): number;
  close(): Promise<void>;
}

/** `startEngine` starts the local Lambda, allows the function to invoke itself, and starts the scheduler. */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const { env, workers, recursiveLoop = 'Allow', hurry = 1, ticks, execArgv = [], onLog } = options;
  const { timeoutMs, deliveries, port, secrets, clock = systemClock } = options;
  let checks = 0;
  const lambda = await startLocalLambda({
    functionName: FUNCTION_NAME,
    handlerFile: HANDLER_FILE,
    // What waits for a time must leave workers for what is being sent.
    env: { MAX_CONCURRENCY: String(workers), ...env },
    workers,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    execArgv: [...WORKER_FLAGS, ...execArgv],
    retryDelaysMs: RETRY_DELAYS_MS.map((delayMs) => Math.ceil(delayMs / hurry)),
    ...(deliveries ? { deliveries } : {}),
    ...(port === undefined ? {} : { port }),
    ...(secrets ? { secrets } : {}),
    onStart: (payload) => {
      if (isCheck(payload)) checks++;
    },
    onLog,
  });
  const client = new LambdaClient({
    endpoint: lambda.endpoint,
    region: 'us-east-1',
    credentials: lambda.credentials,
  });
  await client.send(
    new PutFunctionRecursionConfigCommand({ FunctionName: FUNCTION_NAME, RecursiveLoop: recursiveLoop }),
  );
  const invoke = async (event: object): Promise<void> => {
    const Payload = JSON.stringify(event);
    await client.send(new InvokeCommand({ FunctionName: FUNCTION_NAME, InvocationType: 'Event', Payload }));
  };
  const call = async (event: object): Promise<unknown> => {
    const Payload = JSON.stringify(event);
    const reply = await client.send(new InvokeCommand({ FunctionName: FUNCTION_NAME, Payload }));
    const text = reply.Payload?.transformToString() ?? '';
    if (reply.FunctionError) throw new Error(text);
    return JSON.parse(text) as unknown;
  };
  const tick = (): void => {
    invoke({ kind: 'scan' }).catch((error: unknown) => onLog(`tick: ${describeFailure(error)}`));
  };
  const timer = ticks ? setInterval(tick, SCAN_MS / hurry) : undefined;
  return {
    lambda,
    hurry,
    clock,
    functionName: FUNCTION_NAME,
    invoke,
    call,
    checks: () => checks,
    async close() {
      clearInterval(timer);
      client.destroy();
      await lambda.close();
    },
  };
}

function isCheck(payload: Buffer): boolean {
  try {
    const event: unknown = JSON.parse(payload.toString());
    return isObject(event) && CHECKS.some((check) => check === event['kind']);
  } catch {
    return false;
  }
}
