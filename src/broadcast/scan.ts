import type { Context } from '../context.ts';
import { firstJob, sameJob } from '../job.ts';
import { finishIfComplete } from './finish.ts';
import { startLanes } from './lanes.ts';

/** One tick starts, wakes or finishes at most this many of each; the next tick does the rest. */
const MAX_PER_TICK = 100;

/** More messages than this become several mailings, so that no transaction takes long. */
export const MAX_MESSAGES_PER_MAILING = 100_000;

export interface ScanReport {
  readonly kind: 'scan';
  /** Number of scheduled announcements that were started, mailings among them. */
  readonly started: number;
  /** Number of hops that were woken: their invocation was killed, its event was lost, or a retry round is due. */
  readonly woken: number;
  /** Number of announcements that had no open hop left. */
  readonly finished: number;
}

/** The minute tick. Ticks may overlap: each step is one conditional update, and only the tick whose update succeeds acts. */
export async function scan(ctx: Context): Promise<ScanReport> {
  await ctx.store.recordTick();
  await makeMailings(ctx);
  const report: ScanReport = {
    kind: 'scan',
    started: await startDue(ctx),
    woken: await wakeStalled(ctx),
    finished: await finishComplete(ctx),
  };
  if (report.woken > 0) ctx.metrics.record({ HopsWoken: report.woken });
  if (report.started + report.woken + report.finished > 0) ctx.log.info('scanned', { ...report });
  return report;
}

/** Messages that are due become announcements, which are due at once. */
async function makeMailings({ store, log }: Context): Promise<void> {
  for (const source of await store.fetchPendingSources()) {
    for (let mailings = 0; mailings < MAX_PER_TICK; mailings++) {
      const announcementId = await store.makeMailing(source, MAX_MESSAGES_PER_MAILING);
      if (announcementId === null) break;
      log.info('mailing made', { announcementId, source });
    }
  }
}

async function startDue(ctx: Context): Promise<number> {
  const { store, invoker, functionName } = ctx;
  let started = 0;
  for (const announcementId of await store.fetchDue(MAX_PER_TICK)) {
    const job = firstJob(announcementId);
    const announcement = await store.fetchAnnouncement(announcementId);
    if (!announcement || !(await startLanes(ctx, job, announcement))) continue;
    await invoker.invoke(functionName, job);
    started++;
  }
  return started;
}

async function wakeStalled({ store, invoker, config, functionName }: Context): Promise<number> {
  let woken = 0;
  for (const key of await store.fetchStalled(MAX_PER_TICK)) {
    if (!(await store.reviveHop(key, config.leaseMs))) continue;
    await invoker.invoke(functionName, sameJob(key));
    woken++;
  }
  return woken;
}

/** Finishes announcements whose last invocation was killed after it had closed the last hop. */
async function finishComplete(ctx: Context): Promise<number> {
  const finished = await ctx.store.fetchFinished(MAX_PER_TICK);
  for (const key of finished) await finishIfComplete(ctx, key);
  return finished.length;
}
