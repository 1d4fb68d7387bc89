import { parseEvent } from '../events/parse.ts';
import type { Announcement } from '../model/announcement.ts';
import { collapseKeyOf, type Recorded, type Verdict } from '../model/delivery.ts';
import type { DeviceFilter } from '../model/filter.ts';
import type { HopKey } from '../model/hop.ts';
import type { Message } from '../model/message.ts';
import type { Store } from '../store.ts';

/** One push, as the ledger and FCM's own log have it. */
export interface LedgerLine {
  /** 0: the announcement itself. */
  readonly messageId: number;
  /** Undefined: the ledger has no delivery for the push. */
  readonly verdict: Verdict | undefined;
  /** Number of times that FCM accepted the push. */
  readonly acceptances: number;
  /** False for a device outside of the audience, or that another announcement found unregistered, maybe before this one reached it. */
  readonly isAudience: boolean;
}

/** The two records that an audit compares: the ledger, and FCM's own log. */
export interface Records {
  readonly store: Store;
  /** Number of messages that FCM accepted with this collapse key, by target. */
  readonly acceptedOf: (collapseKey: string) => Accepted;
}

/** The number of messages for the phone of a target. */
export interface Accepted {
  get(target: string): number | undefined;
}

/** Names the part of the ledger that belongs to one announcement; of messages, those from `fromId` on. */
export type LedgerPart = Pick<Announcement, 'announcementId' | 'audience' | 'filter'> & {
  readonly fromId?: number;
};

const IDS_PER_READ = 10_000;

/** Messages that are sent at once belong to no announcement. */
export const SINGLE_MESSAGES: LedgerPart = { announcementId: 0, audience: 'messages' };

/** `readLedger` yields every push of an announcement. */
export async function* readLedger(
  records: Records,
  { announcementId, audience, filter = null, fromId: firstId = 0 }: LedgerPart,
): AsyncGenerator<LedgerLine> {
  if (audience === 'devices') return yield* readBroadcast(records, announcementId, filter);
  const targets = await fetchTargets(records);
  for (let fromId = firstId; ;) {
    const key = { announcementId, round: 0, fromId };
    const lastId = (await records.store.fetchMessageIds(key, null, IDS_PER_READ)).at(-1);
    if (lastId === undefined) return;
    yield* await readMessages(records, key, lastId, targets);
    fromId = lastId + 1;
  }
}

/** `readEvent` resolves to the pushes of the hop that an event asks for; to none for any other event. */
export async function readEvent(records: Records, event: unknown, pageSize: number): Promise<LedgerLine[]> {
  const parsed = parseEvent(event);
  if (parsed.entry !== 'direct' || parsed.job.kind !== 'broadcast') return [];
  const { job } = parsed;
  const { store, acceptedOf } = records;
  const announcement = await store.fetchAnnouncement(job.announcementId);
  if (announcement?.audience === 'messages') {
    const lastId = (await store.fetchMessageIds(job, null, pageSize)).at(-1);
    if (lastId === undefined) return [];
    return readMessages(records, job, lastId, await fetchTargets(records));
  }
  const devices =
    job.round === 0
      ? await store.fetchPage(job.fromId, null, pageSize, { filter: announcement?.filter })
      : await store.fetchRetryPage(job, null, pageSize);
  const last = devices.at(-1);
  if (!last) return [];
  const verdicts = await store.fetchVerdicts(job.announcementId, job.fromId, last.deviceId);
  const accepted = acceptedOf(collapseKeyOf({ announcementId: job.announcementId }));
  return devices.map(({ deviceId, target }) => ({
    messageId: 0,
    verdict: verdicts.get(deviceId),
    acceptances: accepted.get(target) ?? 0,
    isAudience: true,
  }));
}

/** `readBroadcast` yields a line for every device in the database, also for those without a delivery. */
async function* readBroadcast(
  { store, acceptedOf }: Records,
  announcementId: number,
  filter: DeviceFilter | null,
): AsyncGenerator<LedgerLine> {
  const accepted = acceptedOf(collapseKeyOf({ announcementId }));
  for (let from = 0; ;) {
    const devices = await store.fetchDevices(from, IDS_PER_READ);
    const last = devices.at(-1);
    if (!last) return;
    const verdicts = await store.fetchVerdicts(announcementId, from, last.deviceId);
    const selected = filter
      ? new Set(
          (await store.fetchPage(from, last.deviceId, IDS_PER_READ, { filter })).map((each) => each.deviceId),
        )
      : null;
    for (const { deviceId, target, unregisteredBy } of devices) {
      const isSelected = selected === null || selected.has(deviceId);
      const isAudience = unregisteredBy === announcementId || (unregisteredBy === null && isSelected);
      const acceptances = accepted.get(target) ?? 0;
      yield { messageId: 0, verdict: verdicts.get(deviceId), acceptances, isAudience };
    }
    from = last.deviceId + 1;
  }
}

async function readMessages(
  { store, acceptedOf }: Records,
  key: HopKey,
  lastId: number,
  targets: ReadonlyMap<number, string>,
): Promise<LedgerLine[]> {
  const messages = await store.fetchMessages(key, lastId);
  const ledger = await store.fetchLedger(key, lastId);
  return messages.flatMap((message) => {
    const accepted = acceptedOf(collapseKeyOf({ messageId: message.messageId }));
    return linesOf(message, ledger.get(message.messageId) ?? new Map(), targets, accepted);
  });
}

/** `linesOf` covers the devices that the message's recipient has now, and those that it had when the message was sent. */
function linesOf(
  { messageId, devices }: Message,
  recorded: ReadonlyMap<number, Recorded>,
  targets: ReadonlyMap<number, string>,
  accepted: Accepted,
): LedgerLine[] {
  const ids = new Set([...devices.map(({ deviceId }) => deviceId), ...recorded.keys()]);
  if (ids.size === 0) return [{ messageId, verdict: undefined, acceptances: 0, isAudience: true }];
  return Array.from(ids, (deviceId) => ({
    messageId,
    verdict: recorded.get(deviceId)?.verdict,
    acceptances: accepted.get(targets.get(deviceId) ?? '') ?? 0,
    isAudience: true,
  }));
}

async function fetchTargets({ store }: Pick<Records, 'store'>): Promise<Map<number, string>> {
  const targets = new Map<number, string>();
  for (let from = 0; ;) {
    const devices = await store.fetchDevices(from, IDS_PER_READ);
    for (const { deviceId, target } of devices) targets.set(deviceId, target);
    const last = devices.at(-1);
    if (!last) return targets;
    from = last.deviceId + 1;
  }
}
