import { sendCanariesAtStart } from '../canary/wants.ts';
import type { Context } from '../context.ts';
import { findTemplateProblems } from '../content/render.ts';
import { isBadRow, PushError } from '../errors.ts';
import { type BroadcastJob, nextJob } from '../job.ts';
import { type Announcement, BEFORE_START, isSendable, MAX_LANES } from '../model/announcement.ts';
import type { Hop } from '../model/hop.ts';
import type { Versioned } from '../store/versions.ts';
import { failAnnouncement, findVersioned } from './announcement.ts';
import { fetchParent, findReasonToWait } from './may-start.ts';
import { isTimeToStart } from './start-time.ts';

/** How often an announcement is read again whose row was edited while its audience was counted. */
const MAX_TRIES = 3;

type Starter = Pick<
  Context,
  'store' | 'config' | 'clock' | 'log' | 'metrics' | 'actor' | 'invoker' | 'functionName'
>;

/**
 * Starts an announcement and plants the first hop of each of its lanes; false if it was started before, if its row cannot be
 * sent, or if it may not start: then it fails or is paused with the reason. Also false if it is not the time for it. Each lane
 * is an id range that recurses on its own.
 *
 * What starts is what was read and counted: if it was edited or approved meanwhile, it is read again.
 */
export async function startLanes(ctx: Starter, job: BroadcastJob): Promise<boolean> {
  const { announcementId } = job;
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const end = await tryToStart(ctx, job, await findVersioned(ctx, announcementId));
    if (end !== 'changed') return end === 'started';
  }
  ctx.log.info('announcement not started', { announcementId, why: 'its row is edited again and again' });
  return false;
}

async function tryToStart(
  ctx: Starter,
  job: BroadcastJob,
  { announcement, version }: Versioned,
): Promise<'started' | 'not started' | 'changed'> {
  const { store, config, log, actor } = ctx;
  const { announcementId, fromId } = job;
  if (!BEFORE_START.some((status) => status === announcement.status)) return 'not started';
  const lanes = Math.max(1, Math.min(MAX_LANES, job.lanes ?? announcement.lanes));
  let problem = announcement.problem ?? (await explainTemplates(announcement));
  if (problem === null && !(await isTimeToStart(ctx, announcement))) return 'not started';
  const unlessBadRow = <T>(work: Promise<T>, fallback: T): Promise<T> =>
    work.catch((error: unknown) => {
      if (!isBadRow(error)) throw error;
      problem ??= error.message;
      return fallback;
    });
  // A mailing goes over message ids, which cannot be split like a device table.
  const isSplit = lanes > 1 && announcement.audience === 'devices';
  const laneIds = isSplit ? await unlessBadRow(store.splitDevices(fromId, lanes), []) : [];
  const audience = await unlessBadRow(store.countAudience(announcement, fromId), null);
  if (problem !== null || audience === null) {
    const why = problem ?? 'its audience cannot be counted';
    const isFailed = await failAnnouncement(ctx, announcementId, why, BEFORE_START, version);
    return isFailed ? 'not started' : 'changed';
  }
  const parent = await fetchParent({ store }, announcement);
  const reason = findReasonToWait(announcement, audience.devices, { ...config, parent });
  if (reason !== null) {
    const options = { version };
    if (!(await store.moveAnnouncement(announcementId, BEFORE_START, 'paused', reason, 'baton', options)))
      return 'changed';
    log.info('announcement waits', { announcementId, reason });
    return 'not started';
  }
  const options = { audience, actor, version };
  if (!(await store.startAnnouncement(job, config.leaseMs, laneIds, options))) return 'changed';
  const { devices } = audience;
  log.info('announcement started', { announcementId, fromId, lanes: laneIds.length + 1, devices });
  await sendCanariesAtStart(ctx, announcement, devices);
  return 'started';
}

/** Invokes the first hop of every other lane, once the canary has been judged. */
export async function wakeLanes(
  { store, invoker, functionName }: Pick<Context, 'store' | 'invoker' | 'functionName'>,
  hop: Hop,
): Promise<void> {
  for (const fromId of await store.fetchSleepingLanes(hop)) {
    await invoker.invoke(functionName, nextJob(hop, fromId));
  }
}

/** Why the templates of an announcement cannot be read; null if they can. */
async function explainTemplates(announcement: Announcement): Promise<string | null> {
  if (!isSendable(announcement) || announcement.audience !== 'devices') return null;
  const problems = await findTemplateProblems(announcement);
  return problems.length === 0 ? null : PushError.of('DATABASE', problems).message;
}
