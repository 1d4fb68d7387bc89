import type { Config } from '../config/config.ts';
import type { Context } from '../context.ts';
import { describeFailure, PushError } from '../errors.ts';
import { blameProject } from '../judge/project.ts';
import { settleAll } from '../judge/settle.ts';
import { countVerdicts, type Delivery, type Outcome, type Push, type Verdict } from '../model/delivery.ts';
import type { ClaimedMessage, NewMessage } from '../model/message.ts';
import { brakeIfThrottled } from '../pace/brake.ts';
import { reserveUrgent } from '../pace/reserve.ts';
import { asUndeliverable, toPushes } from './pushes.ts';
import { makeReport, type MessageReport } from './report.ts';

/**
 * Sends messages now, within the budget and ahead of broadcasts; the nth report belongs to the nth message. A message that
 * has its final verdict is not sent again. What is worth sending again the caller sends again, with the same key.
 */
export async function sendMessages(ctx: Context, messages: readonly NewMessage[]): Promise<MessageReport[]> {
  // Two messages with one key are one message.
  const unique = new Map(messages.map((message) => [message.messageKey, message]));
  const reports = new Map<string, MessageReport>();
  for (const [source, all] of Map.groupBy(unique.values(), (each) => each.source)) {
    for (let first = 0; first < all.length; first += ctx.config.chunkSize) {
      const chunk = all.slice(first, first + ctx.config.chunkSize);
      for (const [nth, report] of (await trySend(ctx, source, chunk)).entries()) {
        reports.set(chunk[nth]?.messageKey ?? '', report);
      }
    }
  }
  return messages.flatMap(({ messageKey }) => reports.get(messageKey) ?? []);
}

/** An error here is every message's error: it cannot be known for which of them it happened too late. */
async function trySend(
  ctx: Context,
  source: string,
  messages: readonly NewMessage[],
): Promise<MessageReport[]> {
  const allAlike = (verdict: Verdict, reason: string, retryInMs: number): MessageReport[] =>
    messages.map(() => ({ messageId: null, verdict, reason, retryInMs, deliveries: [] }));

  if (ctx.remainingMs() <= ctx.config.reserveMs) return allAlike('retryable', 'NO_TIME', 0);
  try {
    return await send(ctx, source, messages);
  } catch (error) {
    ctx.log.error('messages not sent', { source, why: describeFailure(error) });
    return allAlike('unknown', error instanceof PushError ? error.code : 'FAILED', ctx.config.leaseMs);
  }
}

async function send(ctx: Context, source: string, messages: readonly NewMessage[]): Promise<MessageReport[]> {
  const { gatherer, config } = ctx;
  const claims = await gatherer.join('claim', messages, (all) => claimAll(ctx, all));
  const mine = claims.filter(({ isMine }) => isMine);
  const undeliverable = mine.flatMap((claim) =>
    claim.recorded.size > 0 ? [] : (asUndeliverable(claim) ?? []),
  );
  const pushes = mine.flatMap(unsentPushes);
  const { outcomes, tookMs } = await push(ctx, source, pushes).catch(async (error: unknown) => {
    // Nothing was sent: another invocation need not wait until the lease is over.
    await record(ctx, [], mine);
    throw error;
  });
  const deliveries = [...undeliverable, ...judgeAll(config, pushes, outcomes)];
  const byMessage = Map.groupBy(deliveries, ({ messageId }) => messageId);
  const reports = claims.map((claim) => makeReport(claim, byMessage.get(claim.messageId) ?? []));
  const open = claims.filter(({ isMine }, nth) => isMine && reports[nth]?.retryInMs !== null);
  await record(ctx, deliveries, open);
  if (mine.length > 0) {
    ctx.metrics.recordPushes(countVerdicts(deliveries));
    ctx.metrics.record({ MessagesAtOnce: mine.length, ...(tookMs > 0 ? { MessageAnswerTime: tookMs } : {}) });
  }
  // A single throttled push may be over the project's limit or over the device's own: the source does not stop for it.
  if (tookMs > 0) await brakeIfThrottled(ctx, source, outcomes, { tookMs, isRetry: pushes.length === 1 });
  return reports;
}

/** Claims messages for several callers; a message that more than one of them wants to send is claimed for the first. */
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
    const slot = await reserveUrgent(ctx, source, sum);
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

/** Waits for the budget as long as both the invocation and the lease leave time for FCM's answer, then sends. */
async function push(
  ctx: Context,
  source: string,
  pushes: readonly Push[],
): Promise<{ outcomes: Outcome[]; tookMs: number }> {
  const { senders, config, clock } = ctx;
  const own = pushes[0]?.own;
  if (!own) return { outcomes: [], tookMs: 0 };
  const waitMs = await reserve(ctx, source, pushes.length);
  const spareMs = Math.min(ctx.remainingMs() - config.reserveMs, config.leaseMs - config.fcm.timeoutMs);
  if (waitMs >= spareMs) return { outcomes: pushes.map(() => noBudget(waitMs)), tookMs: 0 };
  if (waitMs > 0) await clock.sleep(waitMs);
  const sender = await senders.of(source);
  const startedAt = clock.now();
  const deadline = clock.timeout(config.fcm.timeoutMs);
  const outcomes = await sender.send({ ...own, dryRun: false, devices: pushes }, deadline);
  return { outcomes, tookMs: Math.max(1, clock.now() - startedAt) };
}

/** The caller decides how often a message is tried; what is not the devices' fault may be sent again once it is fixed. */
function judgeAll(config: Config, pushes: readonly Push[], outcomes: readonly Outcome[]): Delivery[] {
  const options = { ...config, maxAttempts: Infinity, guarantee: 'at-least-once', round: 0 } as const;
  const settled = settleAll(options, pushes, outcomes);
  if (settled.length === 1) return settled;
  return blameProject({ acceptUnregistered: false }, settled).map((delivery) =>
    delivery.verdict === 'misconfigured' ? { ...delivery, retryInMs: config.retryMs } : delivery,
  );
}

/** The pushes that are still to be sent. All of a message's pushes are recorded together: a device that is not in the ledger was added later. */
function unsentPushes(claim: ClaimedMessage): Push[] {
  const { recorded } = claim;
  return toPushes(claim).filter(
    ({ deviceId }) => recorded.size === 0 || recorded.get(deviceId)?.isToRetry === true,
  );
}

function noBudget(waitMs: number): Outcome {
  const retryAfterMs = Math.ceil(waitMs);
  return { verdict: 'retryable', reason: 'NO_BUDGET', messageName: null, retryAfterMs };
}
