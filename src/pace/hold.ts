import type { Hop } from '../model/hop.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';

/** Keeping a hop while time goes by: whoever is alive keeps its lease, so that nobody else takes the hop over. */

/**
 * - `go`: the time has come.
 * - `stopped`: the hop is somebody else's by now, its announcement does not run any more, or somebody is woken later.
 * - `repeated`: this run has to end before that; another one is to wait in its stead.
 */
export type Turn = 'go' | 'stopped' | 'repeated';

/** Waits without losing the hop: false if it is lost all the same, or its announcement does not run any more. */
export async function waitHolding(
  { store, config }: Pick<Context, 'store' | 'config'>,
  hop: Hop,
  waitMs: number,
): Promise<boolean> {
  for (let leftMs = waitMs; leftMs > 0;) {
    const stepMs = Math.min(leftMs, config.leaseMs / 3);
    await sleep(stepMs);
    leftMs -= stepMs;
    if (leftMs > 0 && !(await store.holdHop(hop, config.leaseMs))) return false;
  }
  return true;
}

/** The same, if there is as much time. A run that has sent something leaves the rest to a repeat, which waits then. */
export async function waitOrLeave(ctx: Context, hop: Hop, waitMs: number, hasSent: boolean): Promise<Turn> {
  const spareMs = ctx.remainingMs() - ctx.config.reserveMs;
  if (Math.max(0, waitMs) < spareMs) return (await waitHolding(ctx, hop, waitMs)) ? 'go' : 'stopped';
  if (hasSent) return 'repeated';
  if (waitMs <= 0) throw outOfTime(ctx, hop);
  await ctx.store.postponeHop(hop, Math.ceil(waitMs));
  return 'stopped';
}

/** A chunk may take longer than it should, on a starved machine or a slow FCM. */
export async function whileHolding<T>(
  { store, config, log }: Context,
  hop: Hop,
  work: () => Promise<T>,
): Promise<T> {
  const beat = setInterval(() => {
    store
      .holdHop(hop, config.leaseMs)
      .catch((error: unknown) => log.error('lease not extended', { why: String(error) }));
  }, config.leaseMs / 3);
  try {
    return await work();
  } finally {
    clearInterval(beat);
  }
}

/** A run without time for even one chunk would repeat for ever, so that is an error, which Lambda retries only twice. */
function outOfTime({ remainingMs, config }: Context, hop: Hop): PushError {
  return new PushError(
    'OUT_OF_TIME',
    `announcement ${hop.announcementId}, hop at ${hop.fromId}: ${Math.round(remainingMs())} ms left before the ` +
      `first chunk, and DEADLINE_RESERVE_MS keeps ${config.reserveMs}: raise the function's time-out`,
  );
}
