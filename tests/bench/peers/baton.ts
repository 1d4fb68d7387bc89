import { minRoomOf } from '../../../src/broadcast/send.ts';
import type { Sender } from '../../../src/context.ts';
import type { Outcome } from '../../../src/model/delivery.ts';
import { systemClock } from '../../../src/clock.ts';
import { parseConfig } from '../../../src/config/config.ts';
import { makeSenders } from '../../../src/fcm/open.ts';
import { QUICK_WINDOW } from '../../../src/pace/slot.ts';
import { ANNOUNCEMENT, COLLAPSE_KEY, type Load, type Supply } from './peer.ts';

export async function prepareBaton(): Promise<Load> {
  const { sources, fcm } = parseConfig(process.env);
  const sender = await makeSenders({ sources, fcm }, systemClock).of(ANNOUNCEMENT.source);
  return (supply) => sendAll(sender, supply, QUICK_WINDOW, fcm.timeoutMs);
}

/** Keeps up to `window` messages in flight, as a hop does: room that answers have made is filled in one call, once it is large enough. */
async function sendAll(sender: Sender, supply: Supply, window: number, timeoutMs: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let open = 0;
  let isFilling = false;
  const settle = (_: number, { verdict, reason }: Outcome): void => {
    if (verdict !== 'delivered') reject(new Error(`expected delivered, got ${verdict} ${reason}`));
    open--;
    supply.noteAccepted(1);
    if (isFilling || (open > 0 && window - open < minRoomOf(window))) return;
    isFilling = true;
    setImmediate(fill);
  };
  const fill = (): void => {
    isFilling = false;
    const targets = supply.take(window - open);
    const devices = targets.map((target, nth) => ({
      deviceId: nth + 1,
      target,
      targetKind: 'token' as const,
    }));
    open += devices.length;
    if (open === 0) resolve();
    if (devices.length === 0) return;
    const batch = { ...ANNOUNCEMENT, collapseKey: COLLAPSE_KEY, devices };
    sender.send(batch, systemClock.timeout(timeoutMs), settle).catch(reject);
  };
  fill();
  await promise;
}
