import type { Store, Verdict } from '../context.ts';

/** What comparing FCM's own log with the ledger has found; all zero is as it has to be. */
export interface Audit {
  /** Devices without a delivery, or with one that says `delivered` though FCM never accepted a message for them. */
  readonly lost: number;
  /** Messages that FCM accepted for a device beyond its first. */
  readonly duplicated: number;
}

const DEVICES_A_READ = 10_000;

/** Compares what FCM accepted (target -> times) with what the ledger says, device by device. */
export async function audit(
  store: Store,
  announcementId: number,
  accepted: ReadonlyMap<string, number>,
): Promise<Audit> {
  let lost = 0;
  let duplicated = 0;
  for await (const { target, verdict, isAudience } of readLedger(store, announcementId)) {
    const times = accepted.get(target) ?? 0;
    const isLost = verdict === undefined ? isAudience : verdict === 'delivered' && times === 0;
    if (isLost) lost++;
    duplicated += Math.max(0, times - 1);
  }
  return { lost, duplicated };
}

/** Accepted by FCM, but not recorded as such: after a crash, what was in flight. */
export async function countUnrecorded(
  store: Store,
  announcementId: number,
  accepted: ReadonlyMap<string, number>,
): Promise<number> {
  let unrecorded = 0;
  for await (const { target, verdict } of readLedger(store, announcementId)) {
    if (accepted.has(target) && verdict !== 'delivered') unrecorded++;
  }
  return unrecorded;
}

interface Entry {
  readonly target: string;
  readonly verdict: Verdict | undefined;
  /** False for a device that another announcement found unregistered, maybe before this one came by. */
  readonly isAudience: boolean;
}

/** Every device, pushed to or not, and its verdict if it has one. */
async function* readLedger(store: Store, announcementId: number): AsyncGenerator<Entry> {
  for (let from = 0; ;) {
    const devices = await store.fetchDevices(from, DEVICES_A_READ);
    const last = devices.at(-1);
    if (!last) return;
    const verdicts = await store.fetchVerdicts(announcementId, from, last.deviceId);
    for (const { deviceId, target, unregisteredBy } of devices) {
      const isAudience = unregisteredBy === null || unregisteredBy === announcementId;
      yield { target, verdict: verdicts.get(deviceId), isAudience };
    }
    from = last.deviceId + 1;
  }
}
