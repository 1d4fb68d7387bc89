import type { Ending, Invocation } from './invocation.ts';
import { countEnd, countStart, type LambdaStats, makeTally } from './stats.ts';
import { recursive, type ThrottleReason, throttled } from './errors.ts';
import { continueTrace, lineageKey, MAX_CHAIN } from './trace.ts';
import type { WorkerPool } from './worker-pool.ts';

/** Lambda returns a throttled event to its queue, and waits from 1 s to at most 5 min before each next attempt. */
const THROTTLE_DELAY_MS = 1000;
const MAX_THROTTLE_DELAY_MS = 5 * 60_000;

export type RecursiveLoop = 'Allow' | 'Terminate';

export interface FunctionRules {
  readonly functionName: string;
  /** The ARN without a version or an alias. */
  readonly functionArn: string;
  readonly workers: number;
  readonly retryDelaysMs: readonly number[];
  readonly onLog: (line: string) => void;
  readonly deliveries: () => number;
  /** Receives the event of each invocation, of a retry too, as it starts. */
  readonly onStart?: ((payload: Buffer) => void) | undefined;
}

/** A request to invoke the function; the trace header is the caller's. */
export interface InvokeRequest extends Omit<Invocation, 'trace'> {
  readonly traceHeader: string | undefined;
}

/** One function: decides when it is invoked, how often, and which events are dropped. */
export interface LambdaFunction {
  /** Invokes synchronously. Throws TooManyRequestsException and RecursiveInvocationException. */
  invoke(request: InvokeRequest): Promise<Ending>;
  /** Accepts an event for an asynchronous invocation; never throws. */
  enqueue(request: InvokeRequest): void;
  readonly settings: { recursiveLoop: RecursiveLoop; readonly reservedConcurrency: number | null };
  reserve(concurrency: number | null): void;
  stats(): LambdaStats;
  /** Resolves once nothing runs and nothing is queued. */
  idle(): Promise<void>;
  /** Makes the function start no invocation any more. */
  stop(): void;
}

interface QueuedEvent {
  readonly invocation: Invocation;
  failures: number;
  throttles: number;
}

export function makeLambdaFunction(
  rules: FunctionRules,
  pool: WorkerPool,
  reservedConcurrency: number | null,
): LambdaFunction {
  const { functionName, workers, retryDelaysMs, onLog, deliveries } = rules;
  const key = lineageKey(rules.functionArn);
  const settings = { recursiveLoop: 'Terminate' as RecursiveLoop, reservedConcurrency };
  const count = makeTally();
  const ready: QueuedEvent[] = [];
  const delayed = new Map<QueuedEvent, NodeJS.Timeout>();
  let idleCallers: (() => void)[] = [];
  let stopped = false;

  function whyThrottled(): ThrottleReason | null {
    const { reservedConcurrency: reserved } = settings;
    if (reserved !== null && count.inFlight >= reserved) {
      return 'ReservedFunctionConcurrentInvocationLimitExceeded';
    }
    return count.inFlight >= workers ? 'ConcurrentInvocationLimitExceeded' : null;
  }

  /** `admit` returns null if recursive loop detection stops the request. */
  function admit({ traceHeader, ...request }: InvokeRequest): Invocation | null {
    const trace = continueTrace(traceHeader, key);
    if (trace.nth <= MAX_CHAIN || settings.recursiveLoop === 'Allow') {
      return { ...request, trace: trace.header };
    }
    count.recursionDropped++;
    onLog(
      `RequestId: ${request.requestId} dropped by recursive loop detection: invocation ${trace.nth} of ${functionName} in ` +
        'one chain, and RecursiveLoop is Terminate; PutFunctionRecursionConfig with RecursiveLoop Allow lifts it',
    );
    return null;
  }

  async function work(invocation: Invocation): Promise<Ending> {
    countStart(count);
    rules.onStart?.(invocation.payload);
    const ending = await pool.run(invocation);
    countEnd(count, ending, stopped);
    return ending;
  }

  async function workEvent(event: QueuedEvent): Promise<void> {
    const ending = await work(event.invocation);
    if (ending.kind !== 'ok') {
      const delayMs = retryDelaysMs[event.failures++];
      if (delayMs === undefined)
        drop(event, `failed ${event.failures} times, the last with ${ending.errorType}`);
      else delay(event, delayMs);
    }
    proceed();
  }

  function drop({ invocation }: QueuedEvent, why: string): void {
    count.eventsDropped++;
    onLog(
      `RequestId: ${invocation.requestId} event dropped: ${why}; there is no dead-letter queue to keep it`,
    );
  }

  function delay(event: QueuedEvent, delayMs: number): void {
    const later = (): void => {
      delayed.delete(event);
      ready.push(event);
      proceed();
    };
    delayed.set(event, setTimeout(later, delayMs));
  }

  /** `proceed` starts every event that may start, and resolves `idle` if there is none left. */
  function proceed(): void {
    if (stopped) return;
    if (settings.reservedConcurrency === 0) dropAll();
    while (ready.length > 0) {
      const reason = whyThrottled();
      if (reason === null) {
        const event = ready.shift();
        if (event) void workEvent(event);
      } else if (!postpone(reason)) {
        break;
      }
    }
    if (count.inFlight === 0 && queued() === 0) resolveIdle();
  }

  /**
   * `postpone` counts the throttles. An event that exceeds the function's reserved concurrency is tried again after a delay,
   * as in Lambda. An event that only waits for a worker starts as soon as one is free, because this machine has few workers
   * where an account has a thousand; `postpone` then returns false.
   */
  function postpone(reason: ThrottleReason): boolean {
    if (reason === 'ConcurrentInvocationLimitExceeded') {
      for (const event of ready) {
        if (event.throttles > 0) continue;
        event.throttles = 1;
        count.throttles++;
      }
      return false;
    }
    for (const event of ready.splice(0)) {
      count.throttles++;
      delay(event, Math.min(THROTTLE_DELAY_MS * 2 ** event.throttles++, MAX_THROTTLE_DELAY_MS));
    }
    return true;
  }

  /** `dropAll` drops all events: Lambda does not retry those of a function whose concurrency is 0. */
  function dropAll(): void {
    const events = [...ready.splice(0), ...delayed.keys()];
    delayed.forEach((timer) => clearTimeout(timer));
    delayed.clear();
    for (const event of events) drop(event, 'reserved concurrency is 0');
  }

  function queued(): number {
    return ready.length + delayed.size;
  }

  function resolveIdle(): void {
    const callers = idleCallers;
    idleCallers = [];
    for (const resolve of callers) resolve();
  }

  return {
    settings,
    async invoke(request) {
      const reason = whyThrottled();
      if (reason !== null) {
        count.throttles++;
        throw throttled(reason);
      }
      const invocation = admit(request);
      if (!invocation) throw recursive();
      const ending = await work(invocation);
      proceed();
      return ending;
    },
    enqueue(request) {
      const invocation = admit(request);
      if (!invocation) return;
      const times = deliveries();
      if (times === 0) onLog(`RequestId: ${invocation.requestId} event lost on purpose`);
      for (let nth = 0; nth < times; nth++)
        ready.push({ invocation: { ...invocation }, failures: 0, throttles: 0 });
      proceed();
    },
    reserve(concurrency) {
      settings.reservedConcurrency = concurrency;
      proceed();
    },
    stats: () => ({ ...count, queued: queued() }),
    idle: () =>
      new Promise((resolve) => {
        idleCallers.push(resolve);
        if (stopped || (count.inFlight === 0 && queued() === 0)) resolveIdle();
      }),
    stop() {
      stopped = true;
      delayed.forEach((timer) => clearTimeout(timer));
      resolveIdle();
    },
  };
}
