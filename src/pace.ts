import { setTimeout as sleep } from 'node:timers/promises';
import type { Context, Delivery, Hop, PaceConfig } from './context.ts';
import { findSource } from './sources.ts';

/**
 * Of the quota, so much is planned: what is sent a little late falls into the next minute, which then has to have room
 * for it.
 */
const PLANNED_SHARE = 0.98;

/** A source that has sent nothing for so long begins anew with the ramp. */
const IDLE_MS = 60_000;

/** From this share of a chunk answered 429 on, the quota is used up, and not only one phone asked too much of. */
const BRAKE_SHARE = 0.1;

export interface Budget {
  /** Milliseconds from now until what is reserved so far has been sent; negative: so long ago. */
  readonly freeInMs: number;
  /** Milliseconds since the ramp began; negative: it begins in the future. */
  readonly rampAgeMs: number;
}

/** When a page may be sent, and how long it is to take. */
export interface Slot {
  readonly waitMs: number;
  readonly takenMs: number;
  /** The ramp begins with this slot. */
  readonly startsRamp: boolean;
}

/**
 * The next slot in a source's budget: a leaky bucket kept as the one time up to which it is taken (virtual scheduling).
 * FCM asks for a ramp from 0 to the full rate over a minute. https://firebase.google.com/docs/cloud-messaging/scale-fcm
 */
export function planSlot(
  { freeInMs, rampAgeMs }: Budget,
  messages: number,
  { perMinute, rampMs }: PaceConfig,
): Slot {
  const waitMs = Math.max(0, freeInMs);
  const startsRamp = freeInMs < -IDLE_MS;
  const ageMs = startsRamp ? 0 : Math.min(rampMs, Math.max(0, rampAgeMs + waitMs));
  const perMs = (perMinute * PLANNED_SHARE) / 60_000;
  // On the ramp the rate rises evenly, so the messages rise with the square of the time.
  const onRamp = rampMs === 0 ? 0 : (perMs * (rampMs ** 2 - ageMs ** 2)) / (2 * rampMs);
  const takenMs =
    messages <= onRamp
      ? Math.sqrt(ageMs ** 2 + (2 * rampMs * messages) / perMs) - ageMs
      : rampMs - ageMs + (messages - onRamp) / perMs;
  return { waitMs, takenMs: Math.ceil(takenMs), startsRamp };
}

/** Reserves room for so many messages in the budget that every hop of the source shares. */
export async function reserveSlot(
  { store, config }: Pick<Context, 'store' | 'config'>,
  source: string,
  messages: number,
): Promise<Slot> {
  const { pace } = findSource(config, source);
  for (;;) {
    const { version, ...budget } = await store.fetchBudget(source);
    const slot = planSlot(budget, messages, pace);
    if (await store.reserveBudget(source, version, slot.takenMs, slot.startsRamp)) return slot;
  }
}

/** Waits without losing the hop: false if it is somebody else's by then, or its announcement does not run any more. */
export async function waitHolding(
  { store, config }: Pick<Context, 'store' | 'config'>,
  hop: Hop,
  waitMs: number,
): Promise<boolean> {
  for (let leftMs = waitMs; leftMs > 0;) {
    const stepMs = Math.min(leftMs, config.leaseMs / 3);
    await sleep(stepMs);
    leftMs -= stepMs;
    if (leftMs > 0 && !(await store.holdHop(hop, config.leaseMs))) return false;
  }
  return true;
}

/** After a chunk that says that the quota is used up: nobody sends before FCM's time, and then the ramp begins again. */
export async function brakeIfThrottled(
  { store, config, log }: Pick<Context, 'store' | 'config' | 'log'>,
  source: string,
  deliveries: readonly Delivery[],
): Promise<void> {
  const throttled = deliveries.filter(({ reason }) => reason === 'QUOTA_EXCEEDED');
  if (throttled.length === 0 || throttled.length < deliveries.length * BRAKE_SHARE) return;
  const pauseMs = Math.max(...throttled.map(({ retryInMs }) => retryInMs ?? config.quotaRetryMs));
  await store.brakeBudget(source, pauseMs);
  log.info('throttled by FCM', { source, pauseMs, throttled: throttled.length });
}
