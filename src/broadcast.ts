import type {
  Announcement,
  BroadcastJob,
  Claim,
  Context,
  Delivery,
  Device,
  Hop,
  PageBounds,
  Verdict,
} from './context.ts';
import { PushError } from './errors.ts';
import { brakeIfThrottled, reserveSlot, waitHolding } from './pace.ts';
import { nextJob, sameJob } from './recurse.ts';
import { settle } from './retry.ts';

/**
 * How a hop ended.
 * - `done`: its page is sent and recorded.
 * - `idle`: nothing to do: another run holds the hop or has closed it, or no chain came this way.
 * - `stopped`: the announcement is paused, cancelled, failed or done, or another run took the hop over.
 * - `repeated`: time ran out; a further run of the same hop sends the rest.
 */
export type HopEnd = 'done' | 'idle' | 'stopped' | 'repeated';

export interface HopReport {
  readonly kind: 'broadcast';
  readonly announcementId: number;
  readonly round: number;
  readonly fromDeviceId: number;
  readonly end: HopEnd;
  /** Pushes sent and recorded by this run. */
  readonly sent: number;
}

/**
 * A hop that was begun so often without sending anything will not mend itself: a row that cannot be read, say. The
 * announcement fails, and after a resume the hop has as many tries again.
 */
const MAX_FRUITLESS_CLAIMS = 20;

/** One hop, from its claim to its end. */
export async function runHop(ctx: Context, job: BroadcastJob): Promise<HopReport> {
  const { announcementId, round, fromDeviceId } = job;
  const report = (end: HopEnd, sent = 0): HopReport => {
    const hop = { kind: job.kind, announcementId, round, fromDeviceId, end, sent };
    ctx.log.info('hop ended', hop);
    return hop;
  };

  const claim = await claimHop(ctx, job);
  if (claim.kind !== 'claimed') return report('idle');
  const { hop } = claim;
  try {
    await failIfFruitless(ctx, hop);
    const announcement = await ctx.store.fetchAnnouncement(announcementId);
    if (announcement?.status !== 'running') {
      await ctx.store.releaseHop(hop);
      return report('stopped');
    }
    const page = await fetchPage(ctx, hop);
    const slot = await reserveSlot(ctx, announcement.source, page.devices.length);
    // Nobody is invoked before this slot opens, so of a whole chain only its head ever waits.
    if (!(await waitOrPostpone(ctx, hop, slot.waitMs))) return report('stopped');
    if (!(await handOver(ctx, hop, page.bounds))) return report('stopped');
    const { end, sent } = await pushPage(ctx, hop, announcement, page.devices, slot.takenMs);
    if (end !== 'done') await ctx.store.releaseHop(hop);
    else if (await ctx.store.closeHop(hop)) await finishIfComplete(ctx, announcementId, round);
    if (end === 'repeated') await ctx.invoker.invoke(ctx.functionName, sameJob(hop));
    return report(end, sent);
  } catch (error) {
    await giveBack(ctx, hop);
    if (!(error instanceof PushError) || error.code !== 'BAD_CREDENTIALS') throw error;
    // Told in the announcement; a retry by Lambda would only find it stopped.
    await fail(ctx, hop, error.message);
    return report('stopped');
  }
}

/** Takes the hop; a job that names an announcement not yet started starts it. */
async function claimHop(ctx: Context, job: BroadcastJob): Promise<Claim> {
  const { store, config, requestId } = ctx;
  const owner = `${requestId}/${crypto.randomUUID()}`;
  const claim = await store.claimHop(job, owner, config.leaseMs);
  if (claim.kind !== 'absent' || job.round > 0) return claim;

  await fetchNamed(ctx, job);
  if (!(await store.startAnnouncement(job, config.leaseMs))) return claim;
  ctx.log.info('announcement started', {
    announcementId: job.announcementId,
    fromDeviceId: job.fromDeviceId,
  });
  return store.claimHop(job, owner, config.leaseMs);
}

/** The announcement that a job names; PushError('NO_SUCH_ANNOUNCEMENT') if there is none. */
export async function fetchNamed(
  { store }: Pick<Context, 'store'>,
  { announcementId }: { readonly announcementId: number },
): Promise<Announcement> {
  const announcement = await store.fetchAnnouncement(announcementId);
  if (announcement) return announcement;
  const expected = 'the id of a row in push_announcement';
  throw PushError.of('NO_SUCH_ANNOUNCEMENT', [
    { field: 'announcementId', expected, came: String(announcementId) },
  ]);
}

/** Reads one device more than a page: if it is there, the page is full and that device is where the next hop begins. */
async function fetchPage(
  { store, config }: Pick<Context, 'store' | 'config'>,
  hop: Hop,
): Promise<{ devices: Device[]; bounds: PageBounds }> {
  const read = (toDeviceId: number | null, limit: number): Promise<Device[]> =>
    hop.round === 0
      ? store.fetchPage(hop.fromDeviceId, toDeviceId, limit)
      : store.fetchRetryPage(hop, toDeviceId, limit);

  if (hop.page) {
    // A repeat. Devices may have come and gone since, so it is the bounds that make it the same page.
    const { lastDeviceId } = hop.page;
    const devices = await read(lastDeviceId, config.pageSize);
    if (hop.round > 0) return { devices, bounds: hop.page };
    const verdicts = await store.fetchVerdicts(hop.announcementId, hop.fromDeviceId, lastDeviceId);
    return { devices: devices.filter(({ deviceId }) => isUnsent(verdicts.get(deviceId))), bounds: hop.page };
  }
  const rows = await read(hop.toDeviceId, config.pageSize + 1);
  const devices = rows.slice(0, config.pageSize);
  const bounds: PageBounds = {
    lastDeviceId: devices.at(-1)?.deviceId ?? Math.max(0, hop.fromDeviceId - 1),
    nextDeviceId: rows[config.pageSize]?.deviceId ?? null,
  };
  return { devices, bounds };
}

/** Nothing went out yet, or nothing that was the device's own; a `retryable` one waits for a round of its own. */
function isUnsent(verdict: Verdict | undefined): boolean {
  return verdict === undefined || verdict === 'misconfigured';
}

/** Plants the next hop, then wakes it, before this page is sent: false if this hop was taken over meanwhile. */
async function handOver(ctx: Context, hop: Hop, bounds: PageBounds): Promise<boolean> {
  const { store, invoker, config, functionName } = ctx;
  const next = bounds.nextDeviceId === null ? null : nextJob(hop, bounds.nextDeviceId);
  if (!hop.page && !(await store.turnPage(hop, bounds, config.leaseMs))) return false;
  if (next && !hop.handedOver) {
    await invoker.invoke(functionName, next);
    await store.markHandedOver(hop);
  }
  return true;
}

/** False if the hop is to stop here: it was lost meanwhile, or the wait is too long and somebody is woken after it. */
async function waitOrPostpone(ctx: Context, hop: Hop, waitMs: number): Promise<boolean> {
  const spareMs = ctx.remainingMs() - ctx.config.reserveMs;
  if (waitMs < spareMs) return waitHolding(ctx, hop, waitMs);
  if (waitMs <= 0) throw outOfTime(ctx, hop);
  await ctx.store.postponeHop(hop, Math.ceil(waitMs));
  return false;
}

/** Sends and records chunk by chunk, spread over the slot, for as long as there is time and nobody says stop. */
async function pushPage(
  ctx: Context,
  hop: Hop,
  announcement: Announcement,
  devices: readonly Device[],
  takenMs: number,
): Promise<{ end: 'done' | 'stopped' | 'repeated'; sent: number }> {
  const { store, config, clock } = ctx;
  const openedAt = clock.now();
  for (let sent = 0; sent < devices.length; sent += config.chunkSize) {
    const dueInMs = openedAt + (takenMs * sent) / devices.length - clock.now();
    const waitMs = Math.max(0, dueInMs, await store.fetchBrakeMs(announcement.source));
    // Whoever repeats this hop waits in its stead.
    if (sent > 0 && waitMs >= ctx.remainingMs() - config.reserveMs) return { end: 'repeated', sent };
    if (!(await waitOrPostpone(ctx, hop, waitMs))) return { end: 'stopped', sent };
    if (!(await store.holdHop(hop, config.leaseMs))) return { end: 'stopped', sent };

    const chunk = devices.slice(sent, sent + config.chunkSize);
    const deliveries = await whileHolding(ctx, hop, () => sendChunk(ctx, hop, announcement, chunk));
    await store.recordDeliveries(hop, deliveries);
    await brakeIfThrottled(ctx, announcement.source, deliveries);
    if (await failIfSystemic(ctx, hop, deliveries)) return { end: 'stopped', sent: sent + chunk.length };
  }
  return { end: 'done', sent: devices.length };
}

/** A run without time for even one chunk would repeat for ever, so that is an error, which Lambda retries only twice. */
function outOfTime({ remainingMs, config }: Context, hop: Hop): PushError {
  return new PushError(
    'OUT_OF_TIME',
    `announcement ${hop.announcementId}, hop at ${hop.fromDeviceId}: ${Math.round(remainingMs())} ms left before the ` +
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
  { sender, store, config }: Context,
  hop: Hop,
  { announcementId, content, ttlSeconds, dryRun, promise }: Announcement,
  devices: readonly Device[],
): Promise<Delivery[]> {
  if (promise === 'at-most-once') {
    // Whoever finds these after a crash cannot know what FCM got, and must not ask it again.
    await store.recordDeliveries(hop, devices.map(inFlight));
  }
  const collapseKey = `baton-${announcementId}`;
  const batch = { content, collapseKey, ttlSeconds, dryRun, devices };
  const outcomes = await sender.send(batch, config.fcm.timeoutMs);
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

function inFlight({ deviceId }: Device): Delivery {
  return { deviceId, verdict: 'unknown', reason: 'IN_FLIGHT', messageName: null, retryInMs: null };
}

/**
 * Credentials, project or payload at fault: every further push would fail alike, so the announcement stops here. Its
 * hops stay open, and those devices are sent again once it is running again.
 */
async function failIfSystemic(ctx: Context, hop: Hop, deliveries: readonly Delivery[]): Promise<boolean> {
  const misconfigured = deliveries.filter(({ verdict }) => verdict === 'misconfigured');
  if (misconfigured.length * 2 <= deliveries.length) return false;
  const reasons = [...new Set(misconfigured.map(({ reason }) => reason))].join(', ');
  await fail(
    ctx,
    hop,
    `FCM refused ${misconfigured.length} of ${deliveries.length} pushes for no fault of the devices (${reasons}): ` +
      'check the credentials, the project id and the message',
  );
  return true;
}

async function failIfFruitless(ctx: Context, hop: Hop): Promise<void> {
  if (hop.claims % MAX_FRUITLESS_CLAIMS > 0) return;
  const where = `the hop at device ${hop.fromDeviceId}, round ${hop.round}`;
  await fail(
    ctx,
    hop,
    `${where}, was begun ${hop.claims} times without sending: the function's log says why`,
  );
}

async function fail({ store, log }: Context, { announcementId }: Hop, reason: string): Promise<void> {
  if (!(await store.moveAnnouncement(announcementId, ['running'], 'failed', reason))) return;
  log.error('announcement failed', { announcementId, reason });
}

/**
 * The last hop to close finds none open. What FCM did not take gets a round of its own, which the scan wakes when it is
 * due; without such, the announcement is done.
 */
export async function finishIfComplete(
  { store, config, log }: Context,
  announcementId: number,
  round: number,
): Promise<void> {
  if ((await store.countHops(announcementId)).open > 0) return;
  if (round + 1 < config.maxAttempts && (await store.plantRound(announcementId, round + 1))) {
    log.info('retry round planted', { announcementId, round: round + 1 });
    return;
  }
  await store.settleRetries(announcementId);
  if (await store.finishAnnouncement(announcementId)) {
    log.info('announcement done', { announcementId, ...(await store.countDeliveries(announcementId)) });
  }
}

/** After an error: the hop is free for the retry at once, not only when its lease has run out. */
async function giveBack({ store, log }: Context, hop: Hop): Promise<void> {
  try {
    await store.releaseHop(hop);
  } catch (second) {
    // The first error is the one to tell; the lease runs out by itself.
    log.error('hop not released', { announcementId: hop.announcementId, why: String(second) });
  }
}
