import type { Sender } from '../../../src/context.ts';
import { systemClock } from '../../../src/clock.ts';
import { parseConfig } from '../../../src/config/config.ts';
import { makeSenders } from '../../../src/fcm/open.ts';
import { ANNOUNCEMENT, COLLAPSE_KEY, type Load, repeatSideBySide, type Supply } from './peer.ts';

/** Messages in one call of the sender. */
const MESSAGES_PER_CALL = 500;

/** Messages in flight at most. */
const WINDOW = 1000;

export async function prepareBaton(): Promise<Load> {
  const { sources, fcm } = parseConfig(process.env);
  const sender = await makeSenders({ sources, fcm }, systemClock).of(ANNOUNCEMENT.source);
  return (supply) =>
    repeatSideBySide(WINDOW / MESSAGES_PER_CALL, () => sendNext(sender, supply, fcm.timeoutMs));
}

/** Makes one call of the sender, as a hop does; false if the supply has ended. */
async function sendNext(sender: Sender, supply: Supply, timeoutMs: number): Promise<boolean> {
  const devices = supply
    .take(MESSAGES_PER_CALL)
    .map((target, nth) => ({ deviceId: nth + 1, target, targetKind: 'token' as const }));
  if (devices.length === 0) return false;
  const batch = { ...ANNOUNCEMENT, collapseKey: COLLAPSE_KEY, devices };
  const outcomes = await sender.send(batch, systemClock.timeout(timeoutMs));
  const failed = outcomes.find(({ verdict }) => verdict !== 'delivered');
  if (failed) throw new Error(`expected every message to be delivered, got ${JSON.stringify(failed)}`);
  supply.noteAccepted(outcomes.length);
  return true;
}
