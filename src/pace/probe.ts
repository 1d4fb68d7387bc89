import type { Addressee, Context } from '../context.ts';
import { explainOutage } from '../judge/outage.ts';
import type { SendableAnnouncement } from '../model/announcement.ts';
import { collapseKeyOf } from '../model/delivery.ts';
import { brakeForOutage } from './brake.ts';

/**
 * Probes FCM during an outage: if it is up again, the outage ends; if not, the source stops for longer. FCM only validates
 * the messages (`validate_only`) and shows none, so that a probe costs no device its push.
 */
export async function probe(
  ctx: Context,
  { announcementId, source, content, ttlSeconds }: SendableAnnouncement,
  devices: readonly Addressee[],
): Promise<void> {
  const { senders, clock, config, store, log } = ctx;
  const sender = await senders.of(source);
  const collapseKey = collapseKeyOf({ announcementId });
  const batch = { content, ttlSeconds, collapseKey, dryRun: true, devices };
  const outcomes = await sender.send(batch, clock.timeout(config.fcm.timeoutMs));
  const reason = explainOutage(outcomes, { smallSampleCounts: true });
  if (reason !== null) return brakeForOutage(ctx, source, reason, 0);
  await store.endOutage(source);
  log.info('FCM is up again', { source });
}
