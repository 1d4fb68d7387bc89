import type { Context } from '../context.ts';
import { describeFailure, PushError } from '../errors.ts';
import type { Hop } from '../model/hop.ts';

/**
 * How a wait for a time in the budget ended.
 * - `go`: the time has come.
 * - `stopped`: the hop now belongs to another invocation, its announcement no longer runs, or the tick wakes it later.
 * - `repeated`: this invocation has to end before that time; the next invocation of the same hop waits instead.
 */
export type Turn = 'go' | 'stopped' | 'repeated';

/** Waits and keeps the hop's lease; false if the hop is lost all the same, or its announcement no longer runs. */
export async function waitHolding(
  { store, config, clock }: Pick<Context, 'store' | 'config' | 'clock'>,
  hop: Hop,
  waitMs: number,
): Promise<boolean> {
  for (let leftMs = waitMs; leftMs > 0;) {
    const stepMs = Math.min(leftMs, Math.ceil(config.leaseMs / 3));
    await clock.sleep(stepMs);
    leftMs -= stepMs;
    if (leftMs > 0 && !(await store.holdHop(hop, config.leaseMs))) return false;
  }
  return true;
}

/** Milliseconds for which an invocation can wait: what it needs at its end is kept. */
export function spareMsOf({ remainingMs, config }: Pick<Context, 'remainingMs' | 'config'>): number {
  return remainingMs() - config.reserveMs;
}

/**
 * Waits and keeps the hop's lease, if this invocation lives that long. If not, an invocation that has sent something leaves
 * the rest to a repeat of the hop, and one that has not leaves it to the tick.
 */
export async function waitOrLeave(ctx: Context, hop: Hop, waitMs: number, hasSent: boolean): Promise<Turn> {
  if (Math.max(0, waitMs) < spareMsOf(ctx)) return (await waitHolding(ctx, hop, waitMs)) ? 'go' : 'stopped';
  if (hasSent) return 'repeated';
  if (waitMs <= 0) throw outOfTime(ctx, hop);
  await ctx.store.postponeHop(hop, Math.ceil(waitMs));
  return 'stopped';
}

/**
 * Keeps the hop's lease while `work` goes on, also after a pause: on a starved machine, with a slow FCM, or with a database
 * that does not take the answers, answers may outlast the lease.
 */
export async function whileHolding<T>(
  { store, config, clock, log }: Pick<Context, 'store' | 'config' | 'clock' | 'log'>,
  hop: Hop,
  work: () => Promise<T>,
): Promise<T> {
  const ended = new AbortController();
  const extend = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(config.leaseMs / 3, ended.signal);
      await store
        .extendLease(hop, config.leaseMs)
        .catch((error: unknown) => log.error('lease not extended', { why: describeFailure(error) }));
    }
  };
  // It ends only by the signal, and that is no error.
  extend().catch(() => {});
  try {
    return await work();
  } finally {
    ended.abort();
  }
}

/** An invocation without time for a single push would repeat without end: an error, which Lambda retries only twice. */
function outOfTime({ remainingMs, config }: Context, hop: Hop): PushError {
  return new PushError(
    'OUT_OF_TIME',
    `announcement ${hop.announcementId}, hop at ${hop.fromId}: ${Math.round(remainingMs())} ms left before the ` +
      `first push, and DEADLINE_RESERVE_MS keeps ${config.reserveMs}: increase the function's time-out`,
  );
}
