import { collapseKeyOf, countVerdicts } from '../model/delivery.ts';
import type { Config } from '../config/config.ts';
import type { Delivery, Outcome, Push, Verdict } from '../model/delivery.ts';
import type { ClaimedMessage, Message, NewMessage } from '../model/message.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';
import { brakeIfThrottled, reserveSlot } from '../pace/reserve.ts';
import { settleAll } from '../judge/settle.ts';
import { blameProject } from '../judge/project.ts';

type Delivered = Pick<Delivery, 'deviceId' | 'verdict' | 'reason' | 'messageName'>;

/** What became of a message that was to be sent at once. */
export interface MessageReport {
  /** Null: it was not even looked at. */
  readonly messageId: number | null;
  /** Of its devices, the one that matters most to the sender. */
  readonly verdict: Verdict | 'in-progress';
  readonly reason: string | null;
  /** When it is worth sending again; null: never. */
  readonly retryInMs: number | null;
  readonly deliveries: readonly Delivered[];
}

/** What is to be sent again comes before what has arrived, and that before what never will. */
const BY_WEIGHT: readonly Verdict[] = [
  'retryable',
  'unknown',
  'unsent',
  'misconfigured',
  'delivered',
  'unregistered',
  'rejected',
];

/**
 * Sends messages now, within the budget and ahead of broadcasts; the nth report is that of the nth message. One that has its
 * final verdict is not sent again. What is worth sending again is for the caller to send again, by the same key.
 */
export async function sendMessages(ctx: Context, messages: readonly NewMessage[]): Promise<MessageReport[]> {
  // A key that came twice is one message.
  const unique = new Map(messages.map((message) => [message.messageKey, message]));
  const reports = new Map<string, MessageReport>();
  for (const [source, all] of Map.groupBy(unique.values(), (each) => each.source)) {
    for (let first = 0; first < all.length; first += ctx.config.chunkSize) {
      const chunk = all.slice(first, first + ctx.config.chunkSize);
      const told = await trySend(ctx, source, chunk);
      for (const [nth, each] of told.entries()) reports.set(chunk[nth]?.messageKey ?? '', each);
    }
  }
  return messages.flatMap(({ messageKey }) => reports.get(messageKey) ?? []);
}

/** What goes wrong here goes wrong for all of them, and nobody can say for which it did so too late. */
async function trySend(
  ctx: Context,
  source: string,
  messages: readonly NewMessage[],
): Promise<MessageReport[]> {
  const alike = (verdict: Verdict, reason: string, retryInMs: number): MessageReport[] =>
    messages.map(() => ({ messageId: null, verdict, reason, retryInMs, deliveries: [] }));

  if (ctx.remainingMs() <= ctx.config.reserveMs) return alike('retryable', 'NO_TIME', 0);
  try {
    return await send(ctx, source, messages);
  } catch (error) {
    ctx.log.error('messages not sent', { source, why: String(error) });
    return alike('unknown', error instanceof PushError ? error.code : 'FAILED', ctx.config.leaseMs);
  }
}

async function send(ctx: Context, source: string, messages: readonly NewMessage[]): Promise<MessageReport[]> {
  const { gatherer, config } = ctx;
  const claims = await gatherer.join('claim', messages, (all) => claimAll(ctx, all));
  const mine = claims.filter(({ isMine }) => isMine);
  const refused = mine.flatMap((claim) => (claim.recorded.size > 0 ? [] : (unsendable(claim) ?? [])));
  const pushes = mine.flatMap(unsent);
  const { outcomes, tookMs } = await push(ctx, source, pushes).catch(async (error: unknown) => {
    // Nothing was sent, so that nobody has to wait until the lease is over.
    await record(ctx, [], mine);
    throw error;
  });
  const deliveries = [...refused, ...judgeAll(config, pushes, outcomes)];
  const byMessage = Map.groupBy(deliveries, ({ messageId }) => messageId);
  const reports = claims.map((claim) => report(claim, byMessage.get(claim.messageId) ?? []));
  const open = claims.filter(({ isMine }, nth) => isMine && reports[nth]?.retryInMs !== null);
  await record(ctx, deliveries, open);
  if (mine.length > 0) {
    ctx.metrics.recordPushes(countVerdicts(deliveries));
    ctx.metrics.record({ MessagesAtOnce: mine.length, ...(tookMs > 0 ? { MessageAnswerTime: tookMs } : {}) });
  }
  // Of a single push nobody can tell whether the project or the phone has had too many.
  if (tookMs > 0) await brakeIfThrottled(ctx, source, outcomes, { tookMs, isRetry: pushes.length === 1 });
  return reports;
}

/** A message that several callers want to send at once is the first one's. */
async function claimAll(ctx: Context, messages: readonly NewMessage[]): Promise<ClaimedMessage[]> {
  const { store, config, requestId } = ctx;
  const distinct = new Map(messages.map((message) => [message.messageKey, message]));
  const owner = `${requestId}/${crypto.randomUUID()}`;
  const claims = await store.claimMessages([...distinct.values()], owner, config.leaseMs);
  const byKey = new Map(Array.from(distinct.keys(), (key, nth) => [key, claims[nth]]));
  const taken = new Set<string>();
  return messages.flatMap(({ messageKey }) => {
    const claim = byKey.get(messageKey);
    if (!claim) return [];
    const isMine = claim.isMine && !taken.has(messageKey);
    taken.add(messageKey);
    return { ...claim, isMine };
  });
}

async function reserve(ctx: Context, source: string, pushes: number): Promise<number> {
  const [waitMs = 0] = await ctx.gatherer.join(`slot ${source}`, [pushes], async (counts) => {
    const sum = counts.reduce((one, other) => one + other, 0);
    const slot = await reserveSlot(ctx, source, sum, { urgent: true });
    return counts.map(() => slot.waitMs);
  });
  return waitMs;
}

async function record(
  { store, gatherer }: Context,
  deliveries: readonly Delivery[],
  givenBack: readonly ClaimedMessage[],
): Promise<void> {
  await gatherer.join('record', [{ deliveries, givenBack }], async (all) => {
    await store.recordMessages(
      all.flatMap((each) => each.deliveries),
      all.flatMap((each) => each.givenBack),
    );
    return all;
  });
}

/** Nobody waits longer for the budget than there is time, or than a lease lasts that has to outlast FCM's answer too. */
async function push(
  ctx: Context,
  source: string,
  pushes: readonly Push[],
): Promise<{ outcomes: Outcome[]; tookMs: number }> {
  const { senders, config } = ctx;
  const own = pushes[0]?.own;
  if (!own) return { outcomes: [], tookMs: 0 };
  const waitMs = await reserve(ctx, source, pushes.length);
  const spareMs = Math.min(ctx.remainingMs() - config.reserveMs, config.leaseMs - config.fcm.timeoutMs);
  if (waitMs >= spareMs) return { outcomes: pushes.map(() => noBudget(waitMs)), tookMs: 0 };
  if (waitMs > 0) await sleep(waitMs);
  const sender = await senders.of(source);
  const beganAt = performance.now();
  const deadline = AbortSignal.timeout(config.fcm.timeoutMs);
  const outcomes = await sender.send({ ...own, dryRun: false, devices: pushes }, deadline);
  return { outcomes, tookMs: performance.now() - beganAt };
}

/** How often it is tried is for the caller to say; what is no fault of the devices may be sent again once it is mended. */
function judgeAll(config: Config, pushes: readonly Push[], outcomes: readonly Outcome[]): Delivery[] {
  const settled = settleAll({ ...config, maxAttempts: Infinity }, 'at-least-once', 0, pushes, outcomes);
  if (settled.length === 1) return settled;
  return blameProject({ acceptUnregistered: false }, settled).map((delivery) =>
    delivery.verdict === 'misconfigured' ? { ...delivery, retryInMs: config.retryMs } : delivery,
  );
}

/** One push for each of the message's devices; none if its content cannot be sent. */
export function toPushes({ messageId, content, ttlSeconds, expiresInMs, devices }: Message): Push[] {
  if (content === null) return [];
  const own = { content, ttlSeconds, collapseKey: collapseKeyOf({ messageId }) };
  return devices.map((device) => ({ ...device, messageId, own, expiresInMs }));
}

/** What the ledger is to say of a message that goes to nobody; null if it can be sent. */
export function unsendable({ messageId, content, devices }: Message): Delivery | null {
  if (content !== null && devices.length > 0) return null;
  const reason = content === null ? 'BAD_CONTENT' : 'NO_DEVICE';
  return { messageId, deviceId: 0, verdict: 'rejected', reason, messageName: null, retryInMs: null };
}

/** All of a message's pushes are recorded at once: what is not among them has joined later. */
function unsent(claim: ClaimedMessage): Push[] {
  const { recorded } = claim;
  return toPushes(claim).filter(
    ({ deviceId }) => recorded.size === 0 || recorded.get(deviceId)?.isToRetry === true,
  );
}

function noBudget(waitMs: number): Outcome {
  const retryAfterMs = Math.ceil(waitMs);
  return { verdict: 'retryable', reason: 'NO_BUDGET', messageName: null, retryAfterMs };
}

function tell({ deviceId, verdict, reason, messageName }: Delivery): Delivered {
  return { deviceId, verdict, reason, messageName };
}

function report(claim: ClaimedMessage, fresh: readonly Delivery[]): MessageReport {
  const { messageId, isMine, leaseMs, recorded, devices } = claim;
  const all = new Map<number, Delivery>();
  for (const [deviceId, { isToRetry, ...earlier }] of recorded) {
    const isThere = devices.some((device) => device.deviceId === deviceId);
    all.set(deviceId, { ...earlier, deviceId, retryInMs: isToRetry && isThere ? 0 : null });
  }
  for (const each of fresh) all.set(each.deviceId, each);

  const deliveries = [...all.values()];
  const waits = deliveries.flatMap(({ retryInMs }) => retryInMs ?? []);
  const isOpen = deliveries.length === 0 || waits.length > 0;
  const told = deliveries.map(tell);
  if (!isMine && isOpen) {
    return { messageId, verdict: 'in-progress', reason: null, retryInMs: leaseMs, deliveries: told };
  }
  const [first] = told.toSorted(
    (one, two) => BY_WEIGHT.indexOf(one.verdict) - BY_WEIGHT.indexOf(two.verdict),
  );
  return {
    messageId,
    verdict: first?.verdict ?? 'retryable',
    reason: first?.reason ?? null,
    retryInMs: waits.length > 0 ? Math.max(...waits) : null,
    deliveries: told,
  };
}
