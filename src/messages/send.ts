import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/config.ts';
import type { Context } from '../context.ts';
import { describeFailure, PushError } from '../errors.ts';
import { isTargetRefused } from '../judge/doubt.ts';
import { blameProject } from '../judge/project.ts';
import { checkOutcomes, settleAll } from '../judge/settle.ts';
import { countVerdicts, type Delivery, type Outcome, type Push, type Verdict } from '../model/delivery.ts';
import type { ClaimedMessage, NewMessage } from '../model/message.ts';
import { markOf } from '../model/receipt.ts';
import { brakeIfThrottled, measureThrottled } from '../pace/brake.ts';
import { doubtAll } from '../pace/doubt.ts';
import { recordPatiently } from '../pace/record.ts';
import { QUICK_WINDOW } from '../pace/slot.ts';
import { type NoRoom, type ReservedSlot, reserveUrgent } from '../pace/reserve.ts';
import { claimAll, firstByKey, isClaimed, refuse, waitForEarlier } from './claim.ts';
import { fillIn } from './fill-in.ts';
import { listUndeliverable, toPushes, withoutTwins } from './pushes.ts';
import { record } from './record.ts';
import { makeReport, type MessageReport } from './report.ts';

/** Messages that are claimed, sent and recorded together; as many portions at a time as the window (WINDOW) has room for. */
const PORTION = 100;

/** The report of a message whose key is that of an earlier message with other content: nothing was sent. */
const KEY_REUSED: MessageReport = {
  messageId: null,
  verdict: 'rejected',
  reason: 'KEY_REUSED',
  retryInMs: null,
  deliveries: [],
};

/**
 * Sends messages now, within the budget and ahead of broadcasts; the nth report belongs to the nth message. A message that
 * has its final verdict is not sent again. What is worth sending again the caller sends again, with the same key.
 */
export async function sendMessages(ctx: Context, messages: readonly NewMessage[]): Promise<MessageReport[]> {
  // Two messages with one key are one message.
  const unique = firstByKey(messages);
  const reports = new Map<string, MessageReport>();
  const bySource = Map.groupBy(unique.values(), (each) => each.source);
  const portions = [...bySource]
    .flatMap(([source, all]) => divideInto(PORTION, all).map((some) => ({ source, some })))
    .values();
  const sendNext = async (): Promise<void> => {
    for (const { source, some } of portions) {
      for (const [nth, report] of (await trySend(ctx, source, some)).entries()) {
        reports.set(some[nth]?.messageKey ?? '', report);
      }
    }
  };
  // All take from the same iterator: a portion that waits for a late answer holds up no other.
  const portionsAtOnce = Math.max(1, Math.floor(Math.min(QUICK_WINDOW, ctx.config.maxWindow) / PORTION));
  await Promise.all(Array.from({ length: portionsAtOnce }, sendNext));
  return messages.flatMap((message) =>
    isDeepStrictEqual(message, unique.get(message.messageKey))
      ? (reports.get(message.messageKey) ?? [])
      : KEY_REUSED,
  );
}

function divideInto<T>(size: number, items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, nth) =>
    items.slice(nth * size, (nth + 1) * size),
  );
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
  const { gatherer, store, config } = ctx;
  const claims = await gatherer.join('claim', messages, (all) => claimAll(ctx, all));
  const results = await waitForEarlier(ctx, messages, claims);
  const claimed = await fillInOrGiveBack(ctx, results.filter(isClaimed));
  const mine = claimed.map((claim) => withoutTwins(claim, claim.recorded));
  const undeliverable = mine.flatMap((claim) => (claim.recorded.size > 0 ? [] : listUndeliverable(claim)));
  const pushes = mine.flatMap((claim) => unsentPushes(config, claim));
  const { outcomes: answered, tookMs } = await push(ctx, source, pushes).catch(async (error: unknown) => {
    // Nothing was sent: another invocation need not wait until the lease is over.
    await record(ctx, [], mine);
    throw error;
  });
  const outcomes = await doubtOutcomes(ctx, source, pushes, answered);
  const deliveries = [...undeliverable, ...judgeAll(config, pushes, outcomes)];
  const byMessage = Map.groupBy(deliveries, ({ messageId }) => messageId);
  const reports = results.map((result) => {
    if (result instanceof PushError) return refuse(ctx, result);
    return result.isSame ? makeReport(result, byMessage.get(result.messageId) ?? []) : KEY_REUSED;
  });
  const open = results.filter(
    (result, nth): result is ClaimedMessage =>
      !(result instanceof PushError) && result.isMine && (!result.isSame || reports[nth]?.retryInMs !== null),
  );
  const recordOrHold = async (): Promise<void> => {
    try {
      await record(ctx, deliveries, open);
    } catch (error) {
      // Where this fails too, the leases run out, and an invocation that takes a message over waits: see waitForEarlier.
      await store.extendMessageLeases(mine, config.leaseMs).catch(() => {});
      throw error;
    }
  };
  await recordPatiently(ctx, recordOrHold, { source, messages: mine.length });
  if (mine.length > 0) {
    ctx.metrics.recordPushes(countVerdicts(deliveries));
    ctx.metrics.record({ MessagesAtOnce: mine.length, ...(tookMs > 0 ? { MessageAnswerTime: tookMs } : {}) });
  }
  // A single throttled push may be over the project's limit or over the device's own: the source does not stop for it.
  measureThrottled(ctx, outcomes);
  if (tookMs > 0) await brakeIfThrottled(ctx, source, outcomes, { tookMs, isPart: pushes.length === 1 });
  return reports;
}

/** Writes the messages that name a template. If that fails, nothing was sent: another invocation need not wait for the leases. */
async function fillInOrGiveBack(
  ctx: Context,
  claims: readonly ClaimedMessage[],
): Promise<readonly ClaimedMessage[]> {
  try {
    return await fillIn(ctx, claims);
  } catch (error) {
    await record(ctx, [], claims);
    throw error;
  }
}

/** Reserves room for what all callers of this moment send; or says when to ask again: see reserveUrgent. */
async function reserve(
  ctx: Context,
  source: string,
  ask: { readonly pushes: number; readonly spareMs: number },
): Promise<ReservedSlot | NoRoom> {
  const [slot] = await ctx.gatherer.join(`slot ${source}`, [ask], async (asks) => {
    const pushes = asks.reduce((sum, each) => sum + each.pushes, 0);
    const spareMs = Math.min(...asks.map((each) => each.spareMs));
    const common = await reserveUrgent(ctx, source, pushes, spareMs);
    return asks.map(() => common);
  });
  return slot ?? { askAgainInMs: 0 };
}

/** FCM checks pushes (validate_only), and no phone shows one. Nothing is recorded, and no device is marked as gone. */
export async function checkPushes(
  ctx: Context,
  source: string,
  pushes: readonly Push[],
): Promise<readonly Delivery[]> {
  const { outcomes } = await push(ctx, source, pushes, true);
  return judgeAll(ctx.config, pushes, outcomes);
}

/** FCM's answers, with another outcome where the device has moved on: see doubtAll. */
async function doubtOutcomes(
  ctx: Context,
  source: string,
  pushes: readonly Push[],
  outcomes: readonly Outcome[],
): Promise<readonly Outcome[]> {
  checkOutcomes(pushes, outcomes);
  if (!outcomes.some(isTargetRefused)) return outcomes;
  const answers = pushes.flatMap((each, nth) => {
    const outcome = outcomes[nth];
    return outcome ? [{ push: each, outcome }] : [];
  });
  let doubted: readonly { readonly outcome: Outcome }[] = answers;
  const ask = async (): Promise<void> => {
    doubted = await doubtAll(ctx, answers);
  };
  await recordPatiently(ctx, ask, { source, messages: pushes.length });
  return doubted.map(({ outcome }) => outcome);
}

/** Waits for the budget as long as both the invocation and the lease leave time for FCM's answer, then sends. */
async function push(
  ctx: Context,
  source: string,
  pushes: readonly Push[],
  dryRun = false,
): Promise<{ outcomes: Outcome[]; tookMs: number }> {
  const { senders, config, clock } = ctx;
  const own = pushes[0]?.own;
  if (!own) return { outcomes: [], tookMs: 0 };
  const spareMs = Math.min(ctx.remainingMs() - config.reserveMs, config.leaseMs - config.fcm.timeoutMs);
  const slot = await reserve(ctx, source, { pushes: pushes.length, spareMs });
  if ('askAgainInMs' in slot) return { outcomes: pushes.map(() => noBudget(slot.askAgainInMs)), tookMs: 0 };
  if (slot.waitMs > 0) await clock.sleep(slot.waitMs);
  const sender = await senders.of(source);
  const startedAt = clock.now();
  const deadline = clock.timeout(config.fcm.timeoutMs);
  const outcomes = await sender.send({ ...own, dryRun, devices: pushes }, deadline);
  return { outcomes, tookMs: Math.max(1, clock.now() - startedAt) };
}

/** The caller decides how often a message is tried; what is not the devices' fault may be sent again once it is fixed. */
function judgeAll(config: Config, pushes: readonly Push[], outcomes: readonly Outcome[]): Delivery[] {
  const options = { ...config, maxAttempts: Infinity, guarantee: 'at-least-once', round: 0 } as const;
  const settled = settleAll(options, pushes, outcomes);
  if (settled.length === 1) return settled;
  const small = { smallSampleCounts: true };
  return blameProject({ acceptUnregistered: false }, settled, outcomes, small).map((delivery) =>
    delivery.verdict === 'misconfigured' ? { ...delivery, retryInMs: config.retryMs } : delivery,
  );
}

/** The pushes that are still to be sent. All of a message's pushes are recorded together: a device that is not in the ledger was added later. */
function unsentPushes(config: Config, claim: ClaimedMessage): Push[] {
  const { recorded, messageId } = claim;
  const mark = markOf(config, { announcementId: 0, messageId });
  return toPushes(claim, mark).filter(
    ({ deviceId }) => recorded.size === 0 || recorded.get(deviceId)?.isToRetry === true,
  );
}

function noBudget(waitMs: number): Outcome {
  const retryAfterMs = Math.ceil(waitMs);
  return { verdict: 'retryable', reason: 'NO_BUDGET', messageName: null, retryAfterMs };
}
