import type { Context } from '../context.ts';
import { explainOutage, keepAttempts } from '../judge/outage.ts';
import { blameProject, explainFailure } from '../judge/project.ts';
import { settleAll } from '../judge/settle.ts';
import type { SendableAnnouncement } from '../model/announcement.ts';
import {
  collapseKeyOf,
  countVerdicts,
  type Delivery,
  type Outcome,
  type Push,
  type PushId,
} from '../model/delivery.ts';
import type { Hop } from '../model/hop.ts';
import { brakeForOutage, brakeIfThrottled } from '../pace/brake.ts';
import { type Turn, whileHolding } from '../pace/hold.ts';
import { recordPatiently } from '../pace/record.ts';
import type { Timetable } from '../pace/timetable.ts';
import { failAnnouncement } from './announcement.ts';

export interface SendReport {
  readonly end: 'done' | Exclude<Turn, 'go'>;
  /** Pushes of the page that are sent and recorded, from its beginning on. */
  readonly sent: number;
}

/**
 * Sends and records the pushes from index `from` to below `to`, chunk by chunk, each at its time in the budget. Ends early
 * when the invocation's time runs out, the announcement no longer runs, or FCM is down.
 */
export async function sendPushes(
  ctx: Context,
  hop: Hop,
  announcement: SendableAnnouncement,
  pushes: readonly Push[],
  [from, to]: readonly [number, number],
  timetable: Timetable,
): Promise<SendReport> {
  const { store, config, clock } = ctx;
  const { source, guarantee } = announcement;
  const { round } = hop;
  for (let sent = from; sent < to; sent += config.chunkSize) {
    const turn = await timetable.wait(sent);
    if (turn !== 'go') return { end: turn, sent };
    const chunk = pushes.slice(sent, Math.min(sent + config.chunkSize, to));
    // After a crash it cannot be known which of them FCM has accepted, and at most once means that none is sent again.
    const inFlight = guarantee === 'at-most-once' ? chunk : [];
    if (!(await store.holdHop(hop, config.leaseMs, inFlight))) return { end: 'stopped', sent };

    const startedAt = clock.now();
    const outcomes = await whileHolding(ctx, hop, () => sendChunk(ctx, hop, announcement, chunk));
    const tookMs = clock.now() - startedAt;
    ctx.metrics.record({ FcmAnswerTime: tookMs });
    const deliveries = settleAll({ ...config, guarantee, round }, chunk, outcomes);
    const smallSampleCounts = sent === 0 && hop.isCanary;
    const outage = round === 0 ? explainOutage(outcomes, { smallSampleCounts }) : null;
    if (outage !== null) {
      await recordChunk(ctx, hop, keepAttempts(outcomes, deliveries));
      await brakeForOutage(ctx, source, outage, tookMs);
      // The repeat finds in the ledger what FCM did not take, and sends that first.
      return { end: 'repeated', sent: sent + chunk.length };
    }
    const judged = blameProject(announcement, deliveries, outcomes, { smallSampleCounts });
    await recordChunk(ctx, hop, judged);
    await brakeIfThrottled(ctx, source, outcomes, { tookMs, isRetry: round > 0 });
    const failure = explainFailure(judged, outcomes);
    if (failure !== null) {
      await failAnnouncement(ctx, hop.announcementId, failure);
      return { end: 'stopped', sent: sent + chunk.length };
    }
  }
  return { end: 'done', sent: to };
}

/** Nothing else is sent before the chunk is recorded, however long that takes: see recordPatiently. */
async function recordChunk(ctx: Context, hop: Hop, deliveries: readonly Delivery[]): Promise<void> {
  const { store, log, metrics } = ctx;
  const { announcementId, round, fromId } = hop;
  await whileHolding(ctx, hop, () =>
    recordPatiently(ctx, () => store.recordDeliveries(hop, deliveries), { announcementId, round, fromId }),
  );
  const counts = countVerdicts(deliveries);
  metrics.recordPushes(counts);
  log.info('chunk recorded', { announcementId, round, ...counts });
}

/** Sends one chunk; the nth outcome belongs to the nth push. */
async function sendChunk(
  ctx: Context,
  hop: Hop,
  { announcementId, source, content, ttlSeconds, dryRun, guarantee }: SendableAnnouncement,
  pushes: readonly Push[],
): Promise<Outcome[]> {
  const { senders, store, config, clock } = ctx;
  const collapseKey = collapseKeyOf({ announcementId });
  const batch = { content, collapseKey, ttlSeconds, dryRun, devices: pushes };
  try {
    const sender = await senders.of(source);
    return await sender.send(batch, clock.timeout(config.fcm.timeoutMs));
  } catch (error) {
    // A sender throws only if it has sent nothing, so a repeat may send these; under at-most-once the ledger says otherwise.
    const record = () => store.recordDeliveries(hop, pushes.map(asUnsent), { isProgress: false });
    if (guarantee === 'at-most-once') {
      // Where this fails too, the sender's error is still the one to report; the other is in the log.
      await recordPatiently(ctx, record, { announcementId }).catch(() => {});
    }
    throw error;
  }
}

function asUnsent({ messageId = 0, deviceId }: PushId): Delivery {
  return { messageId, deviceId, verdict: 'unsent', reason: 'NOT_SENT', messageName: null, retryInMs: null };
}
