import { type BroadcastJob, nextJob } from '../job.ts';
import { type Announcement, MAX_LANES } from '../model/announcement.ts';
import type { Hop } from '../model/hop.ts';
import type { Context } from '../context.ts';

/** Starts an announcement that has not been started: false if it has. Each lane is an id range that recurses on its own. */
export async function startLanes(
  { store, config, log }: Pick<Context, 'store' | 'config' | 'log'>,
  job: BroadcastJob,
  announcement: Pick<Announcement, 'lanes' | 'audience'>,
): Promise<boolean> {
  const { announcementId, fromId } = job;
  const lanes = Math.max(1, Math.min(MAX_LANES, job.lanes ?? announcement.lanes));
  // A run of messages goes over their ids, which are not a device's.
  const laneIds =
    lanes === 1 || announcement.audience === 'messages' ? [] : await store.splitDevices(fromId, lanes);
  if (!(await store.startAnnouncement(job, config.leaseMs, laneIds))) return false;
  log.info('announcement started', { announcementId, fromId, lanes: laneIds.length + 1 });
  return true;
}

/** Once the first chunk of all is judged, every lane begins. */
export async function wakeLanes({ store, invoker, functionName }: Context, hop: Hop): Promise<void> {
  for (const fromId of await store.fetchSleepingLanes(hop))
    await invoker.invoke(functionName, nextJob(hop, fromId));
}
