import { collapseKeyOf, type Delivery, type Push } from '../model/delivery.ts';
import type { Device } from '../model/device.ts';
import type { Message } from '../model/message.ts';

/** One push for each of a message's devices; none if its content cannot be sent. */
export function toPushes({ messageId, content, ttlSeconds, expiresInMs, devices }: Message): Push[] {
  if (content === null) return [];
  const own = { content, ttlSeconds, collapseKey: collapseKeyOf({ messageId }) };
  return devices.filter(isSendable).map((device) => ({ ...device, messageId, own, expiresInMs }));
}

/**
 * What the ledger records of a message that reaches no device: device 0 and the reason; and of each device whose row cannot
 * be used.
 */
export function listUndeliverable({ messageId, content, devices }: Message): Delivery[] {
  if (content === null) return [{ ...refuse(0, 'BAD_CONTENT'), messageId }];
  if (devices.length === 0) return [{ ...refuse(0, 'NO_DEVICE'), messageId }];
  return devices
    .filter((device) => !isSendable(device))
    .map(asBadDevice)
    .map((each) => ({ ...each, messageId }));
}

/** What the ledger records of a device whose row cannot be used. */
export function asBadDevice({ deviceId }: Device): Delivery {
  return refuse(deviceId, 'BAD_DEVICE');
}

export function isSendable({ problem }: Device): boolean {
  return problem === undefined;
}

function refuse(deviceId: number, reason: string): Delivery {
  return { deviceId, verdict: 'rejected', reason, messageName: null, retryInMs: null };
}
