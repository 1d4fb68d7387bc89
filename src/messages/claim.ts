import { isDeepStrictEqual } from 'node:util';
import type { Context } from '../context.ts';
import { codeOf, PushError } from '../errors.ts';
import type { ClaimedMessage, NewMessage } from '../model/message.ts';
import { divide, isBadData } from './divide.ts';
import type { MessageReport } from './report.ts';

/**
 * Claims messages for several callers; a message that more than one of them wants to send is claimed for the first. A message
 * that the database refuses has its error as the result.
 */
export async function claimAll(
  ctx: Context,
  messages: readonly NewMessage[],
): Promise<(ClaimedMessage | PushError)[]> {
  const { store, config, requestId } = ctx;
  const distinct = firstByKey(messages);
  const owner = `${requestId}/${crypto.randomUUID()}`;
  const claims = await divide([...distinct.values()], (some) =>
    store.claimMessages(some, owner, config.leaseMs),
  );
  const byKey = new Map(Array.from(distinct.keys(), (key, nth) => [key, claims[nth]]));
  const taken = new Set<string>();
  return messages.flatMap((message) => {
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
