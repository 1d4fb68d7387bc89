import type { Announcement } from '../model/announcement.ts';
import type { Counts } from '../model/delivery.ts';
import type { Store } from '../store.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { InvokeCommand, LambdaClient, PutFunctionRecursionConfigCommand } from '@aws-sdk/client-lambda';
import { findAnnouncement } from '../broadcast/announcement.ts';
import { type LambdaStats, type LocalLambda, startLocalLambda } from './lambda/lambda.ts';

const FUNCTION_NAME = 'baton';
const HANDLER_FILE = fileURLToPath(new URL('../handler.ts', import.meta.url));

/** The minute of a real schedule, and Lambda's own waits before it repeats an event that failed. */
const SCAN_MS = 60_000;
const RETRY_DELAYS_MS = [60_000, 120_000];

/**
 * A page of 3000 leaves some 30 MB alive. V8 would let garbage pile up to a share of the machine's memory all the same:
 * measured over 100 hops, workers of 340 MB without these limits and of 140 MB with them, at the same speed.
 */
const WORKER_FLAGS = ['--max-old-space-size=96', '--max-semi-space-size=4'];

/** So long without anything new in the ledger, and errors meanwhile: it will not mend itself. A lease may be 6 s. */
const PATIENCE_TICKS = 5;
const MIN_PATIENCE_MS = 30_000;

const POLL_MS = 200;
/** Looking costs a count over the ledger, so at most this part of the time goes into it. */
const POLL_SHARE = 1 / 20;

export interface EngineOptions {
  /** The function's environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly workers: number;
  /** As PutFunctionRecursionConfig has it; with `Terminate` Lambda drops the 17th run of a chain. */
  readonly recursiveLoop?: 'Allow' | 'Terminate';
  /** All of Lambda's and the schedule's waits are shorter by this factor. */
  readonly hurry?: number;
  /** The function's. */
  readonly timeoutMs?: number;
  /** Whether the schedule ticks by itself. */
  readonly ticks: boolean;
  /** Node flags for the workers. */
  readonly execArgv?: readonly string[];
  readonly deliveries?: () => number;
  readonly onLog: (line: string) => void;
}

/** What runs Baton on one machine: a local Lambda with the real handler, and the schedule that ticks it. */
export interface Engine {
  readonly lambda: LocalLambda;
  readonly hurry: number;
  readonly functionName: string;
  /** As anybody would: an asynchronous Invoke through the AWS SDK. */
  invoke(event: object): Promise<void>;
  /** And a synchronous one: the function's reply; rejects if it failed. */
  call(event: object): Promise<unknown>;
  close(): Promise<void>;
}

export async function startEngine(options: EngineOptions): Promise<Engine> {
  const {
    env,
    workers,
    recursiveLoop = 'Allow',
    hurry = 1,
    ticks,
    execArgv = [],
    deliveries,
    onLog,
  } = options;
  const lambda = await startLocalLambda({
    functionName: FUNCTION_NAME,
    handlerFile: HANDLER_FILE,
    env,
    workers,
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
    execArgv: [...WORKER_FLAGS, ...execArgv],
    retryDelaysMs: RETRY_DELAYS_MS.map((delayMs) => Math.ceil(delayMs / hurry)),
    ...(deliveries ? { deliveries } : {}),
    onLog,
  });
  const client = new LambdaClient({
    endpoint: lambda.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
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
    invoke({ kind: 'scan' }).catch((error: unknown) => onLog(`tick: ${String(error)}`));
  };
  const timer = ticks ? setInterval(tick, SCAN_MS / hurry) : undefined;
  return {
    lambda,
    hurry,
    functionName: FUNCTION_NAME,
    invoke,
    call,
    async close() {
      clearInterval(timer);
      client.destroy();
      await lambda.close();
    },
  };
}

/** Of several announcements at once, all in all. */
export interface Progress {
  /** The first that has not ended, or that has ended otherwise than `done`. */
  readonly announcement: Announcement;
  readonly counts: Counts;
  readonly hops: { readonly open: number; readonly closed: number };
  readonly lambda: LambdaStats;
  readonly seconds: number;
}

/** Until the announcements have ended or nothing moves any more; the last progress tells which. */
export async function follow(
  { lambda, hurry }: Engine,
  store: Store,
  announcementIds: readonly number[],
  onProgress: (progress: Progress) => void,
): Promise<Progress> {
  const startedAt = performance.now();
  const look = async (): Promise<Progress> => {
    const all = await Promise.all(announcementIds.map((announcementId) => lookAt(store, announcementId)));
    const [first, ...rest] = all.toSorted((one, two) => rank(one.announcement) - rank(two.announcement));
    if (!first) throw new Error('no announcement to follow');
    return {
      announcement: first.announcement,
      counts: rest.reduce((sum, { counts }) => addUp(sum, counts), first.counts),
      hops: rest.reduce((sum, { hops }) => addUp(sum, hops), first.hops),
      lambda: lambda.stats(),
      seconds: (performance.now() - startedAt) / 1000,
    };
  };
  const isStuck = makeStuckDetector(Math.max(MIN_PATIENCE_MS, (PATIENCE_TICKS * SCAN_MS) / hurry) / 1000);
  for (;;) {
    const lookedAt = performance.now();
    const progress = await look();
    onProgress(progress);
    if (rank(progress.announcement) > 0) {
      // The hops still at work see it before their next chunk.
      while (lambda.stats().inFlight > 0) await sleep(POLL_MS / 10);
      return { ...(await look()), seconds: progress.seconds };
    }
    if (isStuck(progress)) return progress;
    await sleep(Math.max(POLL_MS, (performance.now() - lookedAt) / POLL_SHARE));
  }
}

async function lookAt(store: Store, announcementId: number) {
  return {
    announcement: await findAnnouncement({ store }, announcementId),
    counts: await store.countDeliveries(announcementId),
    hops: await store.countHops(announcementId),
  };
}

/** What has not ended comes first, what is done last. */
function rank({ status }: Announcement): number {
  if (['draft', 'scheduled', 'running'].includes(status)) return 0;
  return status === 'done' ? 2 : 1;
}

function addUp<T extends Readonly<Record<string, number>>>(one: T, two: T): T {
  return Object.fromEntries(
    Object.entries(one).map(([name, count]) => [name, count + (two[name] ?? 0)]),
  ) as T;
}

/** Whether there is no point in waiting any longer. */
function makeStuckDetector(patienceSeconds: number): (progress: Progress) => boolean {
  let last = { work: '', seconds: 0, errors: 0 };
  return ({ counts, hops, lambda, seconds }) => {
    const { inFlight, queued, recursionDropped, errors } = lambda;
    // The ticks would wake the chain again, 16 hops at a time; but whoever forgot to allow the loop wants to know.
    if (recursionDropped > 0 && inFlight === 0 && queued === 0) return true;
    const work = JSON.stringify([counts, hops]);
    if (work !== last.work) last = { work, seconds, errors };
    return seconds - last.seconds > patienceSeconds && errors > last.errors;
  };
}
