import { runHop } from '../../src/broadcast/hop.ts';
import { scan } from '../../src/broadcast/scan.ts';
import type { BroadcastJob, PushJob } from '../../src/job.ts';
import { delivered, makeContext, type TestContext, type TestOptions } from './context.ts';
import type { TestClock } from './clock.ts';
import type { Store } from '../../src/store.ts';

const TIMEOUT_MS = 300_000;
/** Lambda's waits before it repeats an event that failed. */
const RETRY_WAITS_MS = [60_000, 120_000];
const TICK_MS = 60_000;

export interface TestLambda {
  /** How often each target was sent to. */
  readonly pushes: ReadonlyMap<string, number>;
  /** Number of invocations of hops so far. */
  readonly invocations: () => number;
  /** Runs the job and all that follows from it, with Lambda's retries; `ticks` are a minute apart. */
  run(job: BroadcastJob, ticks: number): Promise<void>;
}

/** Lambda on the test's clock: invocations run at the same time, end after five minutes, and are retried when they fail. */
export function makeTestLambda(store: Store, clock: TestClock, options: TestOptions = {}): TestLambda {
  const pushes = new Map<string, number>();
  const running = new Set<Promise<unknown>>();
  let invocations = 0;

  function contextOf(): TestContext {
    const endsAt = clock.now() + TIMEOUT_MS;
    return makeContext(store, {
      ...options,
      clock,
      remainingMs: () => endsAt - clock.now(),
      invoke: async (job) => start(job),
      answer(device) {
        pushes.set(device.target, (pushes.get(device.target) ?? 0) + 1);
        return options.answer?.(device) ?? delivered;
      },
    });
  }

  function start(job: PushJob): void {
    if (job.kind !== 'broadcast') return;
    const work = attempt(job).finally(() => running.delete(work));
    running.add(work);
  }

  async function attempt(job: BroadcastJob): Promise<void> {
    for (const waitMs of [...RETRY_WAITS_MS, null]) {
      invocations++;
      try {
        await runHop(contextOf(), job);
        return;
      } catch {
        if (waitMs !== null) await clock.sleep(waitMs);
      }
    }
  }

  return {
    pushes,
    invocations: () => invocations,
    async run(job, ticks) {
      start(job);
      for (let tick = 0; tick <= ticks; tick++) {
        while (running.size > 0) await Promise.all(running);
        await clock.advance(TICK_MS);
        await scan(contextOf());
      }
      while (running.size > 0) await Promise.all(running);
    },
  };
}
