import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { InvokeCommand, LambdaClient, PutFunctionRecursionConfigCommand } from '@aws-sdk/client-lambda';
import type { Announcement, Counts, Store } from '../context.ts';
import { PushError } from '../errors.ts';
import { type LambdaStats, startLocalLambda } from './lambda.ts';

const FUNCTION_NAME = 'baton';
const HANDLER_FILE = fileURLToPath(new URL('../handler.ts', import.meta.url));

const POLL_MS = 200;
/** Looking costs a count over the ledger, so at most this part of the time goes into it. */
const POLL_SHARE = 1 / 20;

export interface EngineOptions {
  readonly store: Store;
  readonly announcementId: number;
  /** The function's environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly workers: number;
  /** As PutFunctionRecursionConfig has it; with `Terminate` Lambda drops the 17th run of a chain. */
  readonly recursiveLoop: 'Allow' | 'Terminate';
  /** Node flags for the workers. */
  readonly execArgv?: readonly string[];
  readonly onLog: (line: string) => void;
  readonly onProgress: (progress: Progress) => void;
}

export interface Progress {
  readonly announcement: Announcement;
  readonly counts: Counts;
  readonly hops: { readonly open: number; readonly closed: number };
  readonly lambda: LambdaStats;
  readonly seconds: number;
}

/**
 * Runs one announcement on this machine: a local Lambda with the real handler, invoked as anybody would, until the
 * announcement has ended or nothing moves any more. The last progress tells which.
 */
export async function runOnThisMachine(options: EngineOptions): Promise<Progress> {
  const { store, announcementId, env, workers, recursiveLoop, execArgv = [], onLog, onProgress } = options;
  const lambda = await startLocalLambda({
    functionName: FUNCTION_NAME,
    handlerFile: HANDLER_FILE,
    env,
    workers,
    execArgv,
    onLog,
  });
  const client = new LambdaClient({
    endpoint: lambda.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  try {
    await client.send(
      new PutFunctionRecursionConfigCommand({ FunctionName: FUNCTION_NAME, RecursiveLoop: recursiveLoop }),
    );
    const startedAt = performance.now();
    const Payload = JSON.stringify({ announcementId, deviceId: 0 });
    await client.send(new InvokeCommand({ FunctionName: FUNCTION_NAME, InvocationType: 'Event', Payload }));

    for (;;) {
      const lookedAt = performance.now();
      // Read before the ledger: what is idle before the look cannot have moved since.
      const stats = lambda.stats();
      const announcement = await fetchRequired(store, announcementId);
      const counts = await store.countDeliveries(announcementId);
      const hops = await store.countHops(announcementId);
      const seconds = (performance.now() - startedAt) / 1000;
      const ended = !['draft', 'scheduled', 'running'].includes(announcement.status);
      const idle = stats.inFlight === 0 && stats.queued === 0;
      const progress = { announcement, counts, hops, lambda: stats, seconds };
      onProgress(progress);
      if (ended) {
        // The hops still at work see it before their next chunk.
        while (lambda.stats().inFlight > 0) await sleep(POLL_MS / 10);
        return { ...progress, counts: await store.countDeliveries(announcementId), lambda: lambda.stats() };
      }
      if (idle) return progress;
      await sleep(Math.max(POLL_MS, (performance.now() - lookedAt) / POLL_SHARE));
    }
  } finally {
    client.destroy();
    await lambda.close();
  }
}

async function fetchRequired(store: Store, announcementId: number): Promise<Announcement> {
  const announcement = await store.fetchAnnouncement(announcementId);
  if (announcement) return announcement;
  throw new PushError('NO_SUCH_ANNOUNCEMENT', `announcement ${announcementId} has gone from the database`);
}
