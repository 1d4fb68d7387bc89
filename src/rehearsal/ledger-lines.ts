import { collapseKeyOf } from '../model/delivery.ts';
import type { Announcement } from '../model/announcement.ts';
import type { Recorded, Verdict } from '../model/delivery.ts';
import type { HopKey } from '../model/hop.ts';
import type { Message } from '../model/message.ts';
import type { Store } from '../store.ts';
import { parseEvent } from '../events/parse.ts';

/** One push, as the ledger and FCM's own log know it. */
export interface LedgerLine {
  /** 0: the announcement itself. */
  readonly messageId: number;
  readonly verdict: Verdict | undefined;
  /** How often FCM has accepted it. */
  readonly times: number;
  /** False for a device that another announcement found unregistered, maybe before this one came by. */
  readonly isAudience: boolean;
}

export type Which = Pick<Announcement, 'announcementId' | 'audience'>;

/** FCM's own log: target -> how often, by collapse key. */
export type AcceptedOf = (collapseKey: string) => ReadonlyMap<string, number>;

const IDS_PER_READ = 10_000;

/** Messages that are sent at once are of no announcement. */
export const AT_ONCE: Which = { announcementId: 0, audience: 'messages' };

/** Every push of an announcement. */
export async function* readLedger(
  store: Store,
  { announcementId, audience }: Which,
  acceptedOf: AcceptedOf,
): AsyncGenerator<LedgerLine> {
  if (audience === 'devices') return yield* readBroadcast(store, announcementId, acceptedOf);
  const targets = await readTargets(store);
  for (let fromId = 0; ;) {
    const key = { announcementId, round: 0, fromId };
    const lastId = (await store.fetchMessageIds(key, null, IDS_PER_READ)).at(-1);
    if (lastId === undefined) return;
    yield* await readMessages(store, key, lastId, targets, acceptedOf);
    fromId = lastId + 1;
  }
}

/** The pushes that a run of the function was to send, by its event. */
export async function readEvent(
  store: Store,
  event: unknown,
  pageSize: number,
  acceptedOf: AcceptedOf,
): Promise<LedgerLine[]> {
  const parsed = parseEvent(event);
  if (parsed.entry !== 'direct' || parsed.job.kind !== 'broadcast') return [];
  const { job } = parsed;
  const announcement = await store.fetchAnnouncement(job.announcementId);
  if (announcement?.audience === 'messages') {
    const lastId = (await store.fetchMessageIds(job, null, pageSize)).at(-1);
    if (lastId === undefined) return [];
    return readMessages(store, job, lastId, await readTargets(store), acceptedOf);
  }
  const devices =
    job.round === 0
      ? await store.fetchPage(job.fromId, null, pageSize)
      : await store.fetchRetryPage(job, null, pageSize);
  const last = devices.at(-1);
  if (!last) return [];
  const verdicts = await store.fetchVerdicts(job.announcementId, job.fromId, last.deviceId);
  const accepted = acceptedOf(collapseKeyOf({ announcementId: job.announcementId }));
  return devices.map(({ deviceId, target }) => ({
    messageId: 0,
    verdict: verdicts.get(deviceId),
    times: accepted.get(target) ?? 0,
    isAudience: true,
  }));
}

/** Every device, pushed to or not. */
async function* readBroadcast(
  store: Store,
  announcementId: number,
  acceptedOf: AcceptedOf,
): AsyncGenerator<LedgerLine> {
  const accepted = acceptedOf(collapseKeyOf({ announcementId }));
  for (let from = 0; ;) {
    const devices = await store.fetchDevices(from, IDS_PER_READ);
    const last = devices.at(-1);
    if (!last) return;
    const verdicts = await store.fetchVerdicts(announcementId, from, last.deviceId);
    for (const { deviceId, target, unregisteredBy } of devices) {
      const isAudience = unregisteredBy === null || unregisteredBy === announcementId;
      const times = accepted.get(target) ?? 0;
      yield { messageId: 0, verdict: verdicts.get(deviceId), times, isAudience };
    }
    from = last.deviceId + 1;
  }
}

async function readMessages(
  store: Store,
  key: HopKey,
  lastId: number,
  targets: ReadonlyMap<number, string>,
  acceptedOf: AcceptedOf,
): Promise<LedgerLine[]> {
  const messages = await store.fetchMessages(key, lastId);
  const ledger = await store.fetchLedger(key, lastId);
  return messages.flatMap((message) => {
    const accepted = acceptedOf(collapseKeyOf({ messageId: message.messageId }));
    return linesOf(message, ledger.get(message.messageId) ?? new Map(), targets, accepted);
  });
}

/** The devices that it has, and those that it had when it was sent. */
function linesOf(
  { messageId, devices }: Message,
  recorded: ReadonlyMap<number, Recorded>,
  targets: ReadonlyMap<number, string>,
  accepted: ReadonlyMap<string, number>,
): LedgerLine[] {
  const ids = new Set([...devices.map(({ deviceId }) => deviceId), ...recorded.keys()]);
  if (ids.size === 0) return [{ messageId, verdict: undefined, times: 0, isAudience: true }];
  return Array.from(ids, (deviceId) => ({
    messageId,
    verdict: recorded.get(deviceId)?.verdict,
    times: accepted.get(targets.get(deviceId) ?? '') ?? 0,
    isAudience: true,
  }));
}

async function readTargets(store: Store): Promise<Map<number, string>> {
  const targets = new Map<number, string>();
  for (let from = 0; ;) {
    const devices = await store.fetchDevices(from, IDS_PER_READ);
    for (const { deviceId, target } of devices) targets.set(deviceId, target);
    const last = devices.at(-1);
    if (!last) return targets;
    from = last.deviceId + 1;
  }
}
