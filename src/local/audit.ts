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
  for (let from = 0; ;) {
    const devices = await store.fetchPage(from, null, DEVICES_A_READ);
    const last = devices.at(-1);
    if (!last) return { lost, duplicated };
    const verdicts = await store.fetchVerdicts(announcementId, from, last.deviceId);
    for (const { deviceId, target } of devices) {
      const times = accepted.get(target) ?? 0;
      if (isLost(verdicts.get(deviceId), times)) lost++;
      duplicated += Math.max(0, times - 1);
    }
    from = last.deviceId + 1;
  }
}

function isLost(verdict: Verdict | undefined, timesAccepted: number): boolean {
  return verdict === undefined || (verdict === 'delivered' && timesAccepted === 0);
}
