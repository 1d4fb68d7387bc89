import type { Config } from '../config/config.ts';
import type { Context } from '../context.ts';
import { codeOf, PushError } from '../errors.ts';
import { blameProject } from '../judge/project.ts';
import { settleAll } from '../judge/settle.ts';
import { countVerdicts, type Delivery, type Outcome, type Push, type Verdict } from '../model/delivery.ts';
import type { ClaimedMessage, NewMessage } from '../model/message.ts';
import { brakeIfThrottled } from '../pace/brake.ts';
import { reserveUrgent } from '../pace/reserve.ts';
import { divide, isBadData } from './divide.ts';
import { listUndeliverable, toPushes } from './pushes.ts';
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
    ctx.log.error('messages not sent', { source, why: String(error) });
    return allAlike('unknown', error instanceof PushError ? error.code : 'FAILED', ctx.config.leaseMs);
  }
}

async function send(ctx: Context, source: string, messages: readonly NewMessage[]): Promise<MessageReport[]> {
  const { gatherer, config } = ctx;
  const results = await gatherer.join('claim', messages, (all) => claimAll(ctx, all));
  const mine = results.filter(isClaimed);
  const undeliverable = mine.flatMap((claim) => (claim.recorded.size > 0 ? [] : listUndeliverable(claim)));
  const pushes = mine.flatMap(unsentPushes);
  const { outcomes, tookMs } = await push(ctx, source, pushes).catch(async (error: unknown) => {
    // Nothing was sent: another invocation need not wait until the lease is over.
    await record(ctx, [], mine);
    throw error;
  });
  const deliveries = [...undeliverable, ...judgeAll(config, pushes, outcomes)];
  const byMessage = Map.groupBy(deliveries, ({ messageId }) => messageId);
  const reports = results.map((result) =>
    result instanceof PushError
      ? refuse(ctx, result)
      : makeReport(result, byMessage.get(result.messageId) ?? []),
  );
  const open = results.filter((_, nth) => reports[nth]?.retryInMs !== null).filter(isClaimed);
  await record(ctx, deliveries, open);
  if (mine.length > 0) {
    ctx.metrics.recordPushes(countVerdicts(deliveries));
    ctx.metrics.record({ MessagesAtOnce: mine.length, ...(tookMs > 0 ? { MessageAnswerTime: tookMs } : {}) });
  }
  // A single throttled push may be over the project's limit or over the device's own: the source does not stop for it.
  if (tookMs > 0) await brakeIfThrottled(ctx, source, outcomes, { tookMs, isRetry: pushes.length === 1 });
  return reports;
}

/**
 * Claims messages for several callers; a message that more than one of them wants to send is claimed for the first. A message
 * that the database refuses has its error as the result.
 */
async function claimAll(
  ctx: Context,
  messages: readonly NewMessage[],
): Promise<(ClaimedMessage | PushError)[]> {
  const { store, config, requestId } = ctx;
  const distinct = new Map(messages.map((message) => [message.messageKey, message]));
  const owner = `${requestId}/${crypto.randomUUID()}`;
  const claims = await divide([...distinct.values()], (some) =>
    store.claimMessages(some, owner, config.leaseMs),
  );
  const byKey = new Map(Array.from(distinct.keys(), (key, nth) => [key, claims[nth]]));
  const taken = new Set<string>();
  return messages.flatMap(({ messageKey }) => {
    const claim = byKey.get(messageKey);
    if (!claim) return [];
    if (claim instanceof PushError) return claim;
    const isMine = claim.isMine && !taken.has(messageKey);
    taken.add(messageKey);
    return { ...claim, isMine };
  });
}

function isClaimed(result: ClaimedMessage | PushError): result is ClaimedMessage {
  return !(result instanceof PushError) && result.isMine;
}

/** The report of a message that could not be claimed: final if the database can never take it. */
function refuse({ log, config }: Context, error: PushError): MessageReport {
  const isFinal = isBadData(error);
  // Not the error's text, which may quote the message.
  log.error('message not claimed', { code: codeOf(error) ?? error.code, isFinal });
  return {
    messageId: null,
    verdict: isFinal ? 'rejected' : 'unknown',
    reason: isFinal ? 'BAD_MESSAGE' : error.code,
    retryInMs: isFinal ? null : config.leaseMs,
    deliveries: [],
  };
}

async function reserve(ctx: Context, source: string, pushes: number): Promise<number> {
  const [waitMs = 0] = await ctx.gatherer.join(`slot ${source}`, [pushes], async (counts) => {
    const sum = counts.reduce((one, other) => one + other, 0);
    const slot = await reserveUrgent(ctx, source, sum);
    return counts.map(() => slot.waitMs);
  });
  return waitMs;
}

/** Records what several callers have sent in one call; what the database refuses of one of them costs the others nothing. */
async function record(
  { store, gatherer, log }: Context,
  deliveries: readonly Delivery[],
  givenBack: readonly ClaimedMessage[],
): Promise<void> {
  const [result] = await gatherer.join('record', [{ deliveries, givenBack }], (all) =>
    divide(all, async (some) => {
      await store.recordMessages(
        some.flatMap((each) => each.deliveries),
        some.flatMap((each) => each.givenBack),
      );
      return some;
    }),
  );
  if (!(result instanceof PushError)) return;

  const alone = await divide(deliveries, async (some) => {
    await store.recordMessages(some, []);
    return some;
  });
  const refused = deliveries.filter((_, nth) => alone[nth] instanceof PushError);
  // What the push has met must not be lost, or it would be sent again: the ledger takes the verdict without FCM's words.
  const plain = refused.map((each) => ({ ...each, reason: 'UNWRITABLE_REPLY', messageName: null }));
  if (plain.length > 0) log.error('reply not recorded', { deliveries: plain.length, code: codeOf(result) });
  await store.recordMessages(plain, givenBack);
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
