import { sameJob } from '../job.ts';
import { finishIfComplete } from './hop.ts';
import type { Context } from '../context.ts';
import { startLanes } from './lanes.ts';

/** One tick starts and wakes no more than this; the next one goes on. */
const MAX_PER_TICK = 100;

/** More than that become several runs, so that none of them is taken in one long transaction. */
export const MAX_MESSAGES_PER_MAILING = 100_000;

export interface ScanReport {
  readonly kind: 'scan';
  /** Scheduled announcements that were started, runs of messages among them. */
  readonly started: number;
  /** Hops that were woken: their run was killed, its event was lost, or a retry round is due. */
  readonly woken: number;
  /** Announcements that had no open hop left. */
  readonly finished: number;
}

/** The minute tick. Any number of them may overlap: each step is one conditional update, and its winner acts. */
export async function scan(ctx: Context): Promise<ScanReport> {
  await ctx.store.recordTick();
  await makeRuns(ctx);
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

/** Messages whose time has come become announcements, which are due at once. */
async function makeRuns({ store, log }: Context): Promise<void> {
  for (const source of await store.fetchPendingSources()) {
    for (let runs = 0; runs < MAX_PER_TICK; runs++) {
      const announcementId = await store.makeMailing(source, MAX_MESSAGES_PER_MAILING);
      if (announcementId === null) break;
      log.info('run of messages made', { announcementId, source });
    }
  }
}

async function startDue(ctx: Context): Promise<number> {
  const { store, invoker, functionName } = ctx;
  let started = 0;
  for (const announcementId of await store.fetchDue(MAX_PER_TICK)) {
    const job = sameJob({ announcementId, round: 0, fromId: 0 });
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

/** A run that was killed after it had closed the last hop. */
async function finishComplete(ctx: Context): Promise<number> {
  const finished = await ctx.store.fetchFinished(MAX_PER_TICK);
  for (const { announcementId, round } of finished) await finishIfComplete(ctx, announcementId, round);
  return finished.length;
}
