import type { Clock, Sender } from '../../../src/context.ts';
import type { Device } from '../../../src/model/device.ts';
import type { Outcome } from '../../../src/model/delivery.ts';
import { makeHttp2Sender } from '../../../src/fcm/http2/sender.ts';
import { madeUpDevices } from '../../support/context.ts';

const credential = { getAccessToken: async () => ({ access_token: 'a-token', expires_in: 3600 }) };
const content = { title: 't', body: 'b', image: null, data: {}, options: {} };

export function openSender(endpoint: string, clock: Clock): Sender {
  return makeHttp2Sender({ endpoint, access: { credential, projectId: 'p' }, clock });
}

/** A signal that never aborts. */
export const never = new AbortController().signal;

let devicesSoFar = 0;

/** Sends one message to each of `count` devices that no earlier call has sent to. */
export function send(sender: Sender, count: number, signal: AbortSignal = never): Promise<Outcome[]> {
  return sendTo(sender, newDevices(count), signal);
}

/** Devices that no earlier call has returned. */
export function newDevices(count: number): Device[] {
  return madeUpDevices(count).map((device) => {
    devicesSoFar++;
    return { ...device, deviceId: devicesSoFar, target: `t${devicesSoFar}` };
  });
}

/** Sends one message to each of these devices. */
export function sendTo(
  sender: Sender,
  devices: readonly Device[],
  signal: AbortSignal = never,
): Promise<Outcome[]> {
  return sender.send({ content, collapseKey: 'k', ttlSeconds: null, dryRun: false, devices }, signal);
}

/** The number of outcomes of each verdict. */
export function tally(outcomes: readonly Outcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { verdict } of outcomes) counts[verdict] = (counts[verdict] ?? 0) + 1;
  return counts;
}
