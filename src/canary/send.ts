import type { Context, Sender } from '../context.ts';
import { describeFailure, PushError } from '../errors.ts';
import { checkOutcomes } from '../judge/settle.ts';
import { type Canary, type CanaryPush, ROUND_KEY } from '../model/canary.ts';
import type { Notification } from '../model/content.ts';
import { brakeIfThrottled, measureThrottled } from '../pace/brake.ts';
import { spareMsOf } from '../pace/hold.ts';
import { reserveUrgent } from '../pace/reserve.ts';

type Recorded = Pick<CanaryPush, 'deviceId' | 'verdict' | 'reason'>;

interface Refusal extends Recorded {
  readonly verdict: NonNullable<Recorded['verdict']>;
  readonly reason: string;
}

/** A phone that was off gets the push later, and its late answer says that it is back. */
const TTL_SECONDS = 86_400;

/** Two rounds replace each other while a phone is off. */
const COLLAPSE_KEY = 'baton-canary';

/** The message of a round: data alone, so that the phone shows nothing; urgent, so that a sleeping Android does not wait. */
function messageOf(round: string): Notification {
  return {
    content: {
      title: '',
      body: '',
      image: null,
      data: { [ROUND_KEY]: round },
      options: { priority: 'high' },
    },
    ttlSeconds: TTL_SECONDS,
    collapseKey: COLLAPSE_KEY,
  };
}

/**
 * Sends a round to the phones that it has not gone to yet, within the budget and ahead of broadcasts. A phone is claimed before
 * it is sent to, and never twice: after a crash it is left to the next round. Resolves to the number of phones.
 */
export async function sendRound(
  ctx: Context,
  round: string,
  source: string,
  phones: readonly Canary[],
): Promise<number> {
  const { store, log } = ctx;
  // Before the claims: what fails here is tried again with the same phones.
  const sender = await openInTime(ctx, round, source, phones.length);
  const sent = new Set<number>();
  for (const { deviceId } of phones) if (await store.claimCanary(round, deviceId)) sent.add(deviceId);
  const mine = phones.filter(({ deviceId }) => sent.has(deviceId));
  const sendable = mine.filter(({ problem }) => problem === undefined);
  const unsendable = mine.filter(({ problem }) => problem !== undefined);
  if (unsendable.length > 0) {
    await store.recordCanaries(round, allAlike(unsendable, 'rejected', 'BAD_DEVICE'));
  }
  if (sendable.length > 0) await sendAndRecord(ctx, sender, { round, source }, sendable);
  if (mine.length > 0) log.info('canaries sent', { round, source, phones: mine.length });
  return mine.length;
}

async function sendAndRecord(
  ctx: Context,
  sender: Opened,
  { round, source }: { readonly round: string; readonly source: string },
  phones: readonly Canary[],
): Promise<void> {
  const { store, clock } = ctx;
  if ('verdict' in sender)
    return store.recordCanaries(round, allAlike(phones, sender.verdict, sender.reason));
  const startedAt = clock.now();
  const devices = phones.map(({ deviceId, target, targetKind }) => ({ deviceId, target, targetKind }));
  const batch = { ...messageOf(round), dryRun: false, devices };
  const outcomes = await sender.send(batch, clock.timeout(ctx.config.fcm.timeoutMs));
  const tookMs = Math.max(1, clock.now() - startedAt);
  checkOutcomes(devices, outcomes);
  // Nothing is retried: the verdict is FCM's own.
  const recorded = outcomes.map(({ verdict, reason }, nth) => ({
    deviceId: devices[nth]?.deviceId ?? 0,
    verdict,
    reason,
  }));
  await store.recordCanaries(round, recorded);
  measureThrottled(ctx, outcomes);
  await brakeIfThrottled(ctx, source, outcomes, { tookMs, isPart: true });
}

type Opened = Sender | Pick<Refusal, 'verdict' | 'reason'>;

/** Waits for room in the budget. What keeps the round from being sent is the verdict on all of its phones. */
async function openInTime(ctx: Context, round: string, source: string, pushes: number): Promise<Opened> {
  const { senders, config, clock, log } = ctx;
  try {
    senders.check(source);
    const slot = await reserveUrgent(ctx, source, pushes, spareMsOf(ctx) - config.fcm.timeoutMs);
    if ('askAgainInMs' in slot) return { verdict: 'unsent', reason: 'NO_BUDGET' };
    if (slot.waitMs > 0) await clock.sleep(slot.waitMs);
    return await senders.of(source);
  } catch (error) {
    if (!(error instanceof PushError) || !FAULTS.some((code) => code === error.code)) throw error;
    log.error('canaries not sent', { round, source, why: describeFailure(error) });
    return { verdict: 'misconfigured', reason: error.code };
  }
}

/** Errors that a broadcast would fail with as well. */
const FAULTS = ['BAD_CREDENTIALS', 'NO_SUCH_SOURCE'] as const;

function allAlike(phones: readonly Canary[], verdict: Refusal['verdict'], reason: string): Refusal[] {
  return phones.map(({ deviceId }) => ({ deviceId, verdict, reason }));
}
