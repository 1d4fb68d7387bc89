import { collapseKeyOf, countVerdicts } from '../model/delivery.ts';
import type { Announcement } from '../model/announcement.ts';
import type { Delivery, Outcome, Push, PushId } from '../model/delivery.ts';
import type { Hop } from '../model/hop.ts';
import type { Context } from '../context.ts';
import { whileHolding } from '../pace/hold.ts';
import { explainOutage, keepAttempts, stopForOutage } from '../judge/outage.ts';
import { brakeIfThrottled } from '../pace/reserve.ts';
import { settleAll } from '../judge/settle.ts';
import { blameProject, explainFailure, failAnnouncement } from '../judge/project.ts';
import type { Timetable } from '../pace/timetable.ts';

export interface PageEnd {
  readonly end: 'done' | 'stopped' | 'repeated';
  readonly sent: number;
}

/**
 * Sends and records the pushes from index `from` to below `to`, chunk by chunk, each at its time, for as long as there is
 * time and nobody says stop.
 */
export async function pushDevices(
  ctx: Context,
  hop: Hop,
  announcement: Announcement,
  pushes: readonly Push[],
  [from, to]: readonly [number, number],
  timetable: Timetable,
): Promise<PageEnd> {
  const { store, config } = ctx;
  const { source } = announcement;
  for (let sent = from; sent < to; sent += config.chunkSize) {
    const turn = await timetable.wait(sent);
    if (turn !== 'go') return { end: turn, sent };
    const chunk = pushes.slice(sent, Math.min(sent + config.chunkSize, to));
    // Whoever finds them after a crash cannot know what FCM got, and must not ask it again.
    const inFlight = announcement.guarantee === 'at-most-once' ? chunk : [];
    if (!(await store.holdHop(hop, config.leaseMs, inFlight))) return { end: 'stopped', sent };

    const beganAt = performance.now();
    const outcomes = await whileHolding(ctx, hop, () => sendChunk(ctx, hop, announcement, chunk));
    const tookMs = performance.now() - beganAt;
    ctx.metrics.record({ FcmAnswerTime: tookMs });
    const deliveries = settleAll(config, announcement.guarantee, hop.round, chunk, outcomes);
    const outage = hop.round === 0 ? explainOutage(outcomes, sent === 0 && hop.isCanary) : null;
    if (outage !== null) {
      await recordChunk(ctx, hop, keepAttempts(outcomes, deliveries));
      await stopForOutage(ctx, source, outage, tookMs);
      // What was not taken is to go first, and the ledger tells whoever repeats the hop which those are.
      return { end: 'repeated', sent: sent + chunk.length };
    }
    const judged = blameProject(announcement, deliveries);
    await recordChunk(ctx, hop, judged);
    await brakeIfThrottled(ctx, source, outcomes, { tookMs, isRetry: hop.round > 0 });
    const failure = explainFailure(judged);
    if (failure !== null) {
      await failAnnouncement(ctx, hop, failure);
      return { end: 'stopped', sent: sent + chunk.length };
    }
  }
  return { end: 'done', sent: to };
}

async function recordChunk(
  { store, log, metrics }: Context,
  hop: Hop,
  deliveries: readonly Delivery[],
): Promise<void> {
  await store.recordDeliveries(hop, deliveries);
  const counts = countVerdicts(deliveries);
  metrics.recordPushes(counts);
  log.info('chunk recorded', { announcementId: hop.announcementId, round: hop.round, ...counts });
}

/** Sends one chunk; the nth outcome is the nth push's. */
async function sendChunk(
  { senders, store, config }: Context,
  hop: Hop,
  { announcementId, source, content, ttlSeconds, dryRun, guarantee }: Announcement,
  pushes: readonly Push[],
): Promise<Outcome[]> {
  const collapseKey = collapseKeyOf({ announcementId });
  const batch = { content, collapseKey, ttlSeconds, dryRun, devices: pushes };
  const sending = senders
    .of(source)
    .then((sender) => sender.send(batch, AbortSignal.timeout(config.fcm.timeoutMs)));
  return sending.catch(async (error: unknown) => {
    // It throws only if nothing was sent, so whoever repeats the hop may send these; at most once, they say otherwise.
    if (guarantee === 'at-most-once') await store.recordDeliveries(hop, pushes.map(asNotSent));
    throw error;
  });
}

function asNotSent({ messageId = 0, deviceId }: PushId): Delivery {
  const reason = 'NOT_SENT';
  return { messageId, deviceId, verdict: 'unsent', reason, messageName: null, retryInMs: null };
}
