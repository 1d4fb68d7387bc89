import type { Context } from '../context.ts';
import type { HopKey } from '../model/hop.ts';

/**
 * Goes on after a round whose hops are all closed. Deliveries that FCM did not take get a retry round, which the tick wakes
 * when it is due; without such deliveries the announcement is done. Does nothing while a hop is open.
 */
export async function finishIfComplete(
  { store, config, log, metrics }: Pick<Context, 'store' | 'config' | 'log' | 'metrics'>,
  { announcementId, round }: Pick<HopKey, 'announcementId' | 'round'>,
): Promise<void> {
  if (await store.hasOpenHop(announcementId)) return;
  await store.keepRetries(announcementId);
  if (round + 1 < config.maxAttempts && (await store.plantRound(announcementId, round + 1))) {
    log.info('retry round planted', { announcementId, round: round + 1 });
    return;
  }
  await store.settleRetries(announcementId, round);
  if (await store.finishAnnouncement(announcementId, round)) {
    metrics.record({ AnnouncementsDone: 1 });
    log.info('announcement done', { announcementId });
  }
}
