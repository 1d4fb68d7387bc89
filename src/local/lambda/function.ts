import type { Ending, Invocation } from './invocation.ts';
import { countEnd, countStart, type LambdaStats, makeTally } from './stats.ts';
import { recursive, type ThrottleReason, throttled } from './errors.ts';
import { continueTrace, lineageKey, MAX_CHAIN } from './trace.ts';
import type { WorkerPool } from './worker-pool.ts';

/** Lambda gives a throttled event back to its queue, and waits from 1 s to at most 5 min before each next attempt. */
const THROTTLE_DELAY_MS = 1000;
const MAX_THROTTLE_DELAY_MS = 5 * 60_000;

export type RecursiveLoop = 'Allow' | 'Terminate';

export interface FunctionRules {
  readonly functionName: string;
  /** Unqualified. */
  readonly functionArn: string;
  readonly workers: number;
  readonly retryDelaysMs: readonly number[];
  readonly onLog: (line: string) => void;
  readonly deliveries: () => number;
}

/** An Invoke, as it got: the trace header is the caller's. */
export interface InvokeRequest extends Omit<Invocation, 'trace'> {
  readonly traceHeader: string | undefined;
}

/** One function: when it runs, how often, and what is dropped. */
export interface LambdaFunction {
  /** Throws TooManyRequestsException and RecursiveInvocationException. */
  invoke(request: InvokeRequest): Promise<Ending>;
  /** Accepts the event, whatever becomes of it. */
  enqueue(request: InvokeRequest): void;
  readonly settings: { recursiveLoop: RecursiveLoop; readonly reservedConcurrency: number | null };
  reserve(concurrency: number | null): void;
  stats(): LambdaStats;
  idle(): Promise<void>;
  /** Starts nothing any more. */
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

  /** Null if recursive loop detection stops it. */
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

  async function run(invocation: Invocation): Promise<Ending> {
    countStart(count);
    const ending = await pool.run(invocation);
    countEnd(count, ending, stopped);
    return ending;
  }

  async function runEvent(event: QueuedEvent): Promise<void> {
    const ending = await run(event.invocation);
    if (ending.kind !== 'ok') {
      const delayMs = retryDelaysMs[event.failures++];
      if (delayMs === undefined)
        drop(event, `failed ${event.failures} times, the last with ${ending.errorType}`);
      else delay(event, delayMs);
    }
    goOn();
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
      goOn();
    };
    delayed.set(event, setTimeout(later, delayMs));
  }

  /** Starts what may start; tells those who wait for the end of it all. */
  function goOn(): void {
    if (stopped) return;
    if (settings.reservedConcurrency === 0) dropAll();
    while (ready.length > 0) {
      const reason = whyThrottled();
      if (reason === null) {
        const event = ready.shift();
        if (event) void runEvent(event);
      } else if (!putOff(reason)) {
        break;
      }
    }
    if (count.inFlight === 0 && queued() === 0) tellIdle();
  }

  /**
   * Counts the throttle. What the function's own reservation holds up is tried again after a delay, as in Lambda: false
   * if it may stay where it is. What merely waits for a worker of this machine, which has few where an account has a
   * thousand, goes on as soon as one is free.
   */
  function putOff(reason: ThrottleReason): boolean {
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

  /** Lambda does not try again with events of a function whose concurrency is 0. */
  function dropAll(): void {
    const events = [...ready.splice(0), ...delayed.keys()];
    delayed.forEach((timer) => clearTimeout(timer));
    delayed.clear();
    for (const event of events) drop(event, 'reserved concurrency is 0');
  }

  function queued(): number {
    return ready.length + delayed.size;
  }

  function tellIdle(): void {
    const callers = idleCallers;
    idleCallers = [];
    for (const tell of callers) tell();
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
      const ending = await run(invocation);
      goOn();
      return ending;
    },
    enqueue(request) {
      const invocation = admit(request);
      if (!invocation) return;
      const times = deliveries();
      if (times === 0) onLog(`RequestId: ${invocation.requestId} event lost, as was asked for`);
      for (let nth = 0; nth < times; nth++)
        ready.push({ invocation: { ...invocation }, failures: 0, throttles: 0 });
      goOn();
    },
    reserve(concurrency) {
      settings.reservedConcurrency = concurrency;
      goOn();
    },
    stats: () => ({ ...count, queued: queued() }),
    idle: () =>
      new Promise((resolve) => {
        idleCallers.push(resolve);
        if (stopped || (count.inFlight === 0 && queued() === 0)) tellIdle();
      }),
    stop() {
      stopped = true;
      delayed.forEach((timer) => clearTimeout(timer));
      tellIdle();
    },
  };
}
