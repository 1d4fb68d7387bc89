import { collapseKeyOf, type Delivery, type Push } from '../model/delivery.ts';
import type { Message } from '../model/message.ts';

/** One push for each of a message's devices; none if its content cannot be sent. */
export function toPushes({ messageId, content, ttlSeconds, expiresInMs, devices }: Message): Push[] {
  if (content === null) return [];
  const own = { content, ttlSeconds, collapseKey: collapseKeyOf({ messageId }) };
  return devices.map((device) => ({ ...device, messageId, own, expiresInMs }));
}

/** What the ledger records of a message that reaches no device: device 0 and the reason; null if it can be sent. */
export function asUndeliverable({ messageId, content, devices }: Message): Delivery | null {
  if (content !== null && devices.length > 0) return null;
  const reason = content === null ? 'BAD_CONTENT' : 'NO_DEVICE';
  return { messageId, deviceId: 0, verdict: 'rejected', reason, messageName: null, retryInMs: null };
}
