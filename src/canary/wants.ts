import { checkRunName } from '../alert/record-check.ts';
import type { Context } from '../context.ts';
import { describeFailure } from '../errors.ts';
import { type Announcement, isSendable, isSeries } from '../model/announcement.ts';

/** The round of an announcement is sent once: half an hour before it, or at its start. */
const ONCE_IN_MS = 86_400_000;

/**
 * True if an announcement has to have a round of canaries of its own before it starts: it is a broadcast to more devices than
 * CANARY_ABOVE. Only then its audience is counted.
 */
export async function wantsCanary(
  { store, config }: Pick<Context, 'store' | 'config'>,
  announcement: Announcement,
): Promise<boolean> {
  if (!mayWant({ config }, announcement) || !isSendable(announcement)) return false;
  if ((await store.fetchCanaries(1)).length === 0) return false;
  return (await store.countAudience(announcement, 0)).devices > config.canaryAbove;
}

/** What is sent in parts sends nothing itself: each part is looked at. */
function mayWant(
  { config }: Pick<Context, 'config'>,
  announcement: Pick<Announcement, 'audience' | 'dryRun' | 'localTime' | 'repeat'>,
): boolean {
  if (config.canaryAbove === 0 || !config.receipts) return false;
  return announcement.audience === 'devices' && !announcement.dryRun && !isSeries(announcement);
}

/**
 * Sends the round of an announcement that starts now with so many devices, in an invocation of its own, unless it had one before.
 * The announcement does not wait for it, and starts all the same if this fails.
 */
export async function sendCanariesAtStart(
  ctx: Pick<Context, 'store' | 'config' | 'invoker' | 'functionName' | 'log'>,
  announcement: Announcement,
  devices: number,
): Promise<void> {
  const { store, config, invoker, functionName, log } = ctx;
  if (!mayWant(ctx, announcement) || devices <= config.canaryAbove) return;
  const { announcementId } = announcement;
  const job = { kind: 'canary', announcementId } as const;
  try {
    if (await store.claimCheck(checkRunName(job), ONCE_IN_MS)) await invoker.invoke(functionName, job);
  } catch (error) {
    log.error('canaries not sent', { announcementId, why: describeFailure(error) });
  }
}
