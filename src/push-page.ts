import type { Announcement, Context, Delivery, Device, Hop } from './context.ts';
import { PushError } from './errors.ts';
import { brakeIfThrottled, waitHolding } from './pace.ts';
import { settle } from './retry.ts';
import { blameProject, explainFailure, failAnnouncement } from './systemic.ts';

export interface PageEnd {
  readonly end: 'done' | 'stopped' | 'repeated';
  readonly sent: number;
}

/**
 * Sends and records the devices from index `from` to below `to`, chunk by chunk, spread over the slot, for as long as there
 * is time and nobody says stop.
 */
export async function pushDevices(
  ctx: Context,
  hop: Hop,
  announcement: Announcement,
  devices: readonly Device[],
  [from, to]: readonly [number, number],
  takenMs: number,
): Promise<PageEnd> {
  const { store, config, clock } = ctx;
  const openedAt = clock.now();
  for (let sent = from; sent < to; sent += config.chunkSize) {
    const dueInMs = openedAt + (takenMs * (sent - from)) / devices.length - clock.now();
    const waitMs = Math.max(0, dueInMs, await store.fetchBrakeMs(announcement.source));
    // Whoever repeats this hop waits in its stead.
    if (sent > 0 && waitMs >= ctx.remainingMs() - config.reserveMs) return { end: 'repeated', sent };
    if (!(await waitOrPostpone(ctx, hop, waitMs))) return { end: 'stopped', sent };
    const chunk = devices.slice(sent, Math.min(sent + config.chunkSize, to));
    // Whoever finds them after a crash cannot know what FCM got, and must not ask it again.
    const inFlight = announcement.promise === 'at-most-once' ? chunk : [];
    if (!(await store.holdHop(hop, config.leaseMs, inFlight))) return { end: 'stopped', sent };

    const sending = whileHolding(ctx, hop, () => sendChunk(ctx, hop, announcement, chunk));
    const deliveries = blameProject(await sending);
    await store.recordDeliveries(hop, deliveries);
    await brakeIfThrottled(ctx, announcement.source, deliveries);
    const failure = explainFailure(deliveries);
    if (failure !== null) {
      await failAnnouncement(ctx, hop, failure);
      return { end: 'stopped', sent: sent + chunk.length };
    }
  }
  return { end: 'done', sent: to };
}

/** False if the hop is to stop here: it was lost meanwhile, or the wait is too long and somebody is woken after it. */
export async function waitOrPostpone(ctx: Context, hop: Hop, waitMs: number): Promise<boolean> {
  const spareMs = ctx.remainingMs() - ctx.config.reserveMs;
  if (waitMs < spareMs) return waitHolding(ctx, hop, waitMs);
  if (waitMs <= 0) throw outOfTime(ctx, hop);
  await ctx.store.postponeHop(hop, Math.ceil(waitMs));
  return false;
}

/** A run without time for even one chunk would repeat for ever, so that is an error, which Lambda retries only twice. */
function outOfTime({ remainingMs, config }: Context, hop: Hop): PushError {
  return new PushError(
    'OUT_OF_TIME',
    `announcement ${hop.announcementId}, hop at ${hop.fromId}: ${Math.round(remainingMs())} ms left before the ` +
      `first chunk, and DEADLINE_RESERVE_MS keeps ${config.reserveMs}: raise the function's time-out`,
  );
}

/** A chunk may take longer than it should, on a starved machine or a slow FCM: whoever is alive keeps its lease. */
async function whileHolding<T>(
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

/** Sends one chunk; the nth outcome is the nth device's. */
async function sendChunk(
  { senders, store, config }: Context,
  hop: Hop,
  { announcementId, source, content, ttlSeconds, dryRun, promise }: Announcement,
  devices: readonly Device[],
): Promise<Delivery[]> {
  const collapseKey = `baton-${announcementId}`;
  const batch = { content, collapseKey, ttlSeconds, dryRun, devices };
  const deadline = AbortSignal.timeout(config.fcm.timeoutMs);
  const sending = senders.of(source).then((sender) => sender.send(batch, deadline));
  const outcomes = await sending.catch(async (error: unknown) => {
    // It throws only if nothing was sent, so whoever repeats the hop may send these; at most once, they say otherwise.
    if (promise === 'at-most-once') await store.recordDeliveries(hop, devices.map(asNotSent));
    throw error;
  });
  if (outcomes.length !== devices.length) {
    throw new PushError(
      'BAD_REPLY',
      `sender: expected ${devices.length} outcomes, one a device, came ${outcomes.length}`,
    );
  }
  return devices.flatMap(({ deviceId }, nth) => {
    const outcome = outcomes[nth];
    return outcome ? [{ deviceId, ...settle(config, promise, hop.round, outcome) }] : [];
  });
}

function asNotSent({ deviceId }: Device): Delivery {
  return { deviceId, verdict: 'misconfigured', reason: 'NOT_SENT', messageName: null, retryInMs: null };
}
