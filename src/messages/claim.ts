import { isDeepStrictEqual } from 'node:util';
import type { Context } from '../context.ts';
import { codeOf, messageOf, PushError } from '../errors.ts';
import { makeId } from '../id.ts';
import type { ClaimedMessage, NewMessage } from '../model/message.ts';
import { TAKEOVER_WAIT_MS } from '../pace/record.ts';
import { divide, isBadData } from './divide.ts';
import type { MessageReport } from './report.ts';

/**
 * Claims messages for several callers; a message that more than one of them wants to send is claimed for the first. A message
 * that the database refuses has its error as the result; so has each one that is to be sent, if the ledger takes no answers.
 */
export async function claimAll(
  ctx: Context,
  messages: readonly NewMessage[],
): Promise<(ClaimedMessage | PushError)[]> {
  const { store, config, requestId } = ctx;
  const distinct = firstByKey(messages);
  const owner = `${requestId}/${makeId()}`;
  const claims = await divide([...distinct.values()], (some) =>
    store.claimMessages(some, owner, config.leaseMs),
  );
  const byKey = new Map(Array.from(distinct.keys(), (key, nth) => [key, claims[nth]]));
  const taken = new Set<string>();
  const results = messages.flatMap((message): ClaimedMessage | PushError | [] => {
    const { messageKey } = message;
    const claim = byKey.get(messageKey);
    if (!claim) return [];
    if (claim instanceof PushError) return claim;
    if (!isDeepStrictEqual(message, distinct.get(messageKey))) {
      return { ...claim, isMine: false, isSame: false };
    }
    const isMine = claim.isMine && !taken.has(messageKey);
    taken.add(messageKey);
    return { ...claim, isMine };
  });
  return refuseUnlessRecordable(ctx, results);
}

/** A push whose answer cannot be recorded would be sent again and again: it is not sent at all, and its message given back. */
async function refuseUnlessRecordable(
  { store }: Pick<Context, 'store'>,
  results: (ClaimedMessage | PushError)[],
): Promise<(ClaimedMessage | PushError)[]> {
  const [first] = results.filter(isToSend);
  if (!first) return results;
  try {
    await store.proveRecordingMessages(first.messageId);
    return results;
  } catch (cause) {
    const why = `the ledger takes no answers: ${messageOf(cause)}`;
    const error = new PushError('NOT_RECORDED', why, { cause });
    // Where this fails too, the leases run out by themselves.
    await store.recordMessages([], results.filter(isToSend)).catch(() => {});
    return results.map((result) => (isToSend(result) ? error : result));
  }
}

/** True for a message that is the caller's to send, and of which the ledger has nothing yet, or something to retry. */
function isToSend(result: ClaimedMessage | PushError): result is ClaimedMessage {
  if (!isClaimed(result)) return false;
  const { recorded } = result;
  return recorded.size === 0 || [...recorded.values()].some(({ isToRetry }) => isToRetry);
}

/**
 * A message whose claimant before did not give it back may be in the ledger soon: see recordPatiently. Waits for that, and
 * reads what was recorded; the nth result belongs to the nth message.
 */
export async function waitForEarlier(
  { store, config, clock }: Pick<Context, 'store' | 'config' | 'clock'>,
  messages: readonly NewMessage[],
  results: readonly (ClaimedMessage | PushError)[],
): Promise<readonly (ClaimedMessage | PushError)[]> {
  const awaited = results.filter(isAwaited);
  const [first] = awaited;
  if (!first) return results;
  await clock.sleep(TAKEOVER_WAIT_MS);
  await store.extendMessageLeases(awaited, config.leaseMs);
  // One call has claimed them all: they have one owner, which finds them as its own.
  const asked = messages.filter((_, nth) => isAwaited(results[nth]));
  const again = await store.claimMessages(asked, first.owner, config.leaseMs);
  const byId = new Map(again.map((claim) => [claim.messageId, claim]));
  return results.map((result) => (isAwaited(result) ? (byId.get(result.messageId) ?? result) : result));
}

function isAwaited(result: ClaimedMessage | PushError | undefined): result is ClaimedMessage {
  return result !== undefined && isToSend(result) && result.isTakenOver && result.recorded.size === 0;
}

/** Of several messages with one key, the first. */
export function firstByKey(messages: readonly NewMessage[]): Map<string, NewMessage> {
  const byKey = new Map<string, NewMessage>();
  for (const message of messages) {
    if (!byKey.has(message.messageKey)) byKey.set(message.messageKey, message);
  }
  return byKey;
}

/** True for a message that is the caller's to send. */
export function isClaimed(result: ClaimedMessage | PushError): result is ClaimedMessage {
  return !(result instanceof PushError) && result.isMine && result.isSame;
}

/** The report of a message that could not be claimed: final if the database can never take it. */
export function refuse({ log, config }: Context, error: PushError): MessageReport {
  const isFinal = isBadData(error);
  const isUnsent = error.code === 'NOT_RECORDED';
  // Not the error's text, which may quote the message.
  log.error('message not claimed', { code: codeOf(error) ?? error.code, isFinal });
  return {
    messageId: null,
    verdict: isFinal ? 'rejected' : isUnsent ? 'retryable' : 'unknown',
    reason: isFinal ? 'BAD_MESSAGE' : error.code,
    retryInMs: isFinal ? null : config.leaseMs,
    deliveries: [],
  };
}
