import { withMark } from '../fcm/size.ts';
import type { Mark } from '../model/content.ts';
import { collapseKeyOf, type Delivery, type Push } from '../model/delivery.ts';
import { type Device, fidOf } from '../model/device.ts';
import type { Message } from '../model/message.ts';

/**
 * One push for each of a message's devices that gets one; none if its content cannot be sent. Subscribers of a topic are not
 * in the ledger, so that their receipts would count nowhere: a push to them has no `baton_id`.
 */
export function toPushes(message: Message, markOfMessage?: Mark): Push[] {
  const { messageId, content, ttlSeconds, expiresInMs, devices, filled } = message;
  if (content === null) return [];
  const collapseKey = collapseKeyOf({ messageId });
  const mark = markOfMessage && devices.some(isTopic) ? withoutId(markOfMessage) : markOfMessage;
  const own = withMark({ content, ttlSeconds, collapseKey }, mark);
  if (!filled)
    return devices.filter(isSendable).map((device) => ({ ...device, messageId, own, expiresInMs }));
  return devices.filter(isSendable).flatMap((device) => {
    const each = filled.get(device.deviceId);
    if (!each || 'refusal' in each) return [];
    return [{ ...device, messageId, own: withMark({ ...each, collapseKey }, mark), expiresInMs }];
  });
}

/**
 * The message without the tokens of its devices whose FID is a later one of them, and gets the push: one phone gets one push. What
 * the ledger has stays. A token that has registered after the FID may be the target that works.
 */
export function withoutTwins<M extends Message>(
  message: M,
  recorded: ReadonlyMap<number, unknown> | undefined,
): M {
  const { devices, filled } = message;
  if (devices.length < 2 || !devices.some(({ targetKind }) => targetKind === 'fid')) return message;
  const idsByFid = new Map<string, number>();
  for (const device of devices) {
    const each = filled?.get(device.deviceId);
    const isSent = device.targetKind === 'fid' && isSendable(device) && !(each && 'refusal' in each);
    if (isSent) idsByFid.set(device.target, device.deviceId);
  }
  const kept = devices.filter(({ deviceId, target, targetKind }) => {
    const fid = targetKind === 'token' ? fidOf(target) : null;
    return fid === null || (idsByFid.get(fid) ?? 0) <= deviceId || recorded?.has(deviceId) === true;
  });
  return kept.length === devices.length ? message : { ...message, devices: kept };
}

function isTopic({ targetKind }: Device): boolean {
  return targetKind === 'topic' || targetKind === 'condition';
}

function withoutId({ label }: Mark): Mark | undefined {
  return label === undefined ? undefined : { label };
}

/**
 * What the ledger records of a message that reaches no device: device 0 and the reason; and of each device whose row cannot
 * be used, or for which the template cannot be filled in.
 */
export function listUndeliverable(message: Message): Delivery[] {
  const { messageId, content, devices, filled, refusal = 'BAD_CONTENT' } = message;
  if (content === null) return [{ ...refuse(0, refusal), messageId }];
  if (devices.length === 0) return [{ ...refuse(0, 'NO_DEVICE'), messageId }];
  return devices.flatMap((device) => {
    if (!isSendable(device)) return [{ ...asBadDevice(device), messageId }];
    const each = filled?.get(device.deviceId);
    return each && 'refusal' in each ? [{ ...refuse(device.deviceId, each.refusal), messageId }] : [];
  });
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
