import type { Context } from '../../context.ts';
import { PushError } from '../../errors.ts';
import type { DeviceDelivery, DeviceMessage } from '../../model/delivery.ts';
import type { DeviceName, DeviceRecord } from '../../model/device.ts';
import type { TestDelivery } from '../../model/message.ts';
import type { DeviceFilter } from '../../model/filter.ts';
import { describeFilter } from '../../model/filter-words.ts';
import type { HopSummary, Totals } from '../../model/summary.ts';
import type { AnnouncementSummary } from '../../store.ts';
import { formatTime } from '../../words.ts';
import { explainReason } from '../reasons.ts';

/** So many of the latest announcements are looked through. */
export const MAX_ANNOUNCEMENTS = 50;

/** So many of the latest test sends are listed. */
const MAX_TESTS = 10;

/** Messages to one device that are shown. */
export const MAX_MESSAGES = 50;

/** Messages of all that are looked through, as none is found by its recipient. */
export const MAX_SEARCHED_MESSAGES = 200_000;

/** A member with more devices than this has more than a person reads. */
const MAX_DEVICES = 20;

/** One announcement as one device met it. Times are milliseconds since the epoch. */
export interface Encounter {
  readonly announcementId: number;
  readonly title: string;
  readonly delivery: DeviceDelivery | null;
  /** What became of it, in words; of a device that was sent nothing, why. */
  readonly says: string;
  /** What to do; null: nothing. */
  readonly remedy: string | null;
}

/** One message as one device met it. Its texts and its key, which may be about a person, are left out. */
export interface MessageEncounter extends DeviceMessage, Pick<Encounter, 'says' | 'remedy'> {}

export interface DeviceExplanation {
  readonly deviceId: number;
  /** Null: there is no row with this id any more, or there never was one. */
  readonly device: DeviceRecord | null;
  readonly says: string;
  /** Of the latest announcements to devices, the latest first. */
  readonly encounters: readonly Encounter[];
  /** The latest test sends to it, the latest first. */
  readonly tests: readonly TestEncounter[];
  /** The latest messages to it or to its member, the latest first. */
  readonly messages: readonly MessageEncounter[];
}

/** A test send to a device. */
export interface TestEncounter extends TestDelivery, Pick<Encounter, 'says' | 'remedy'> {}

/**
 * Explains what devices were sent, and why not: PushError('NO_SUCH_DEVICE') if there is none with this name, and no delivery
 * either.
 */
export async function explainDevices(
  { store }: Pick<Context, 'store'>,
  name: DeviceName,
): Promise<DeviceExplanation[]> {
  const found = await store.findDevices(name, MAX_DEVICES);
  const latest = (await store.fetchLatest(MAX_ANNOUNCEMENTS)).filter(
    ({ audience }) => audience === 'devices',
  );
  const ids = latest.map(({ announcementId }) => announcementId);
  if (found.length > 0 || name.kind !== 'id') {
    if (found.length === 0) throw noSuchDevice(name);
    return Promise.all(found.map((device) => explainOne({ store }, device.deviceId, device, latest)));
  }
  const deliveries = await store.fetchDeviceDeliveries(name.deviceId, ids);
  const deleted = await explainOne({ store }, name.deviceId, null, latest);
  if (deliveries.length + deleted.messages.length === 0) throw noSuchDevice(name);
  return [deleted];
}

async function explainOne(
  { store }: Pick<Context, 'store'>,
  deviceId: number,
  device: DeviceRecord | null,
  latest: readonly AnnouncementSummary[],
): Promise<DeviceExplanation> {
  const ids = latest.map(({ announcementId }) => announcementId);
  const byId = new Map(
    (await store.fetchDeviceDeliveries(deviceId, ids)).map((each) => [each.announcementId, each]),
  );
  const totals = await store.fetchTotals(ids);
  const encounters: Encounter[] = [];
  for (const announcement of latest) {
    const { announcementId, title } = announcement;
    const delivery = byId.get(announcementId) ?? null;
    if (delivery !== null) {
      encounters.push({ announcementId, title, delivery, ...describeDelivery(delivery) });
    } else if (announcement.startedAt !== null) {
      const { filter = null } = (await store.fetchAnnouncement(announcementId)) ?? {};
      const known = { announcement, totals: totals.get(announcementId) ?? null, isFiltered: filter !== null };
      const says =
        whyAbsent(deviceId, device, known) ??
        (await whyFiltered({ store }, deviceId, filter)) ??
        whyNotReached(deviceId, known, await store.fetchHopSummaries(announcementId));
      encounters.push({ announcementId, title, delivery, says, remedy: null });
    }
  }
  const deliveries = await store.fetchTestDeliveries(deviceId, MAX_TESTS);
  const tests = deliveries.map((each) => ({ ...each, ...describeOutcome(each) }));
  const sent = await store.fetchDeviceMessages(
    { deviceId, memberId: device?.memberId ?? null },
    MAX_SEARCHED_MESSAGES,
    MAX_MESSAGES,
  );
  const messages = sent.map((message) => ({
    ...message,
    ...(message.delivery === null
      ? { says: whyNoDelivery(message, device), remedy: null }
      : describeDelivery(message.delivery)),
  }));
  return { deviceId, device, says: describeDevice(deviceId, device), encounters, tests, messages };
}

/** Why a message has no delivery to this device. */
function whyNoDelivery({ announcementId, publishAt }: DeviceMessage, device: DeviceRecord | null): string {
  const at = publishAt === null ? '' : `, ${formatTime(publishAt)} UTC`;
  if (announcementId === null) return `not sent yet: it waits for its time${at}`;
  const { createdAt = null, unregisteredAt = null } = device ?? {};
  if (publishAt !== null && createdAt !== null && createdAt > publishAt) {
    return 'not sent to it: it registered after the time of the message';
  }
  if (unregisteredAt !== null && publishAt !== null && unregisteredAt <= publishAt) {
    return `not sent to it: it was unregistered since ${formatTime(unregisteredAt)} UTC`;
  }
  return 'not sent to it yet, or the device did not belong to the member then';
}

function describeDevice(deviceId: number, device: DeviceRecord | null): string {
  if (device === null) return `device ${deviceId} is deleted: it gets no pushes`;
  const { memberId, createdAt, unregisteredAt, unregisteredReason, unregisteredBy } = device;
  const whose = memberId === null ? '' : ' of a member';
  const since = createdAt === null ? '' : `, registered ${formatTime(createdAt)} UTC`;
  if (unregisteredAt === null) return `device ${deviceId}${whose}${since}: it gets pushes`;
  const by =
    unregisteredBy === null
      ? ''
      : `, found by ${unregisteredBy === 0 ? 'a message' : `announcement ${unregisteredBy}`}`;
  const reason = unregisteredReason ?? 'UNREGISTERED';
  const why = explainReason(reason).meaning;
  return (
    `device ${deviceId}${whose}${since}: it gets no pushes since ${formatTime(unregisteredAt)} UTC, because ${why} ` +
    `(${reason}${by})`
  );
}

function describeDelivery({ retryAt, ...delivery }: DeviceDelivery): Pick<Encounter, 'says' | 'remedy'> {
  const again = retryAt === null ? '' : `; it is sent again at ${formatTime(retryAt)} UTC`;
  const { says, remedy } = describeOutcome(delivery);
  return { says: `${says}${again}`, remedy };
}

/** What became of a push, in words, and what to do. */
export function describeOutcome({
  verdict,
  reason,
  messageName,
}: {
  readonly verdict: string;
  readonly reason: string | null;
  readonly messageName: string | null;
}): Pick<Encounter, 'says' | 'remedy'> {
  if (reason === null) {
    const says =
      verdict === 'delivered' ? `FCM accepted it as ${messageName ?? 'a message without a name'}` : verdict;
    return { says, remedy: null };
  }
  const { meaning, remedy } = explainReason(reason);
  return { says: `${verdict}: ${meaning} (${reason})`, remedy };
}

/** What is known of an announcement that a device has no delivery of. */
interface Known {
  readonly announcement: AnnouncementSummary;
  readonly totals: Totals | null;
  /** True: it is not for all devices. */
  readonly isFiltered: boolean;
}

/** Null if the conditions of the audience hold for the device, or there are none. */
async function whyFiltered(
  { store }: Pick<Context, 'store'>,
  deviceId: number,
  filter: DeviceFilter | null,
): Promise<string | null> {
  if (filter === null) return null;
  const found = await store.fetchPage(deviceId, deviceId, 1, { filter });
  if (found.length > 0) return null;
  return `not in the audience, which is for ${describeFilter(filter)}: that does not hold for it now`;
}

/** Why a device was in no page, as far as its row and the audience say it; null if they do not. */
function whyAbsent(
  deviceId: number,
  device: DeviceRecord | null,
  { announcement, totals, isFiltered }: Known,
): string | null {
  const audience = totals?.audience ?? null;
  const startedAt = announcement.startedAt ?? 0;
  if (audience !== null && audience.prunedAt !== null) {
    return `not known: its deliveries are deleted since ${formatTime(audience.prunedAt)} UTC`;
  }
  const lastId = audience?.lastId ?? null;
  // The last of an audience with conditions is not the last device that there was.
  if (lastId !== null && deviceId > lastId && !isFiltered) {
    return `not in the audience: it registered after the start (its id is beyond ${lastId}, the last of the audience)`;
  }
  if (device === null) return 'not in the audience: it was deleted before its page was read';
  if (device.createdAt !== null && device.createdAt > startedAt) {
    return `not in the audience: it registered after the start, at ${formatTime(device.createdAt)} UTC`;
  }
  const { unregisteredAt } = device;
  if (unregisteredAt !== null && unregisteredAt <= startedAt) {
    return `not in the audience: it was unregistered since ${formatTime(unregisteredAt)} UTC`;
  }
  return null;
}

/** Why a device of the audience has no delivery: by the page that its id belongs to. */
function whyNotReached(
  deviceId: number,
  { announcement: { status }, isFiltered }: Pick<Known, 'announcement' | 'isFiltered'>,
  hops: readonly HopSummary[],
): string {
  const broad = hops.filter(({ round }) => round === 0);
  const first = broad[0]?.fromId ?? 0;
  if (deviceId < first) return `not in the audience: it began at device ${first}`;
  const page = broad.findLast(({ fromId }) => fromId <= deviceId);
  const isRead =
    page !== undefined && page.lastId !== null && (deviceId <= page.lastId || page.closedAt !== null);
  if (isRead && page.closedAt !== null) {
    return isFiltered
      ? 'not in the audience: when its page was read, it was unregistered, the conditions did not hold for it, or its ' +
          'phone gets the push through the row of its FID'
      : 'not in the audience: when its page was read, it was unregistered (it has registered again since), or its phone ' +
          'gets the push through the row of its FID';
  }
  const isOver = status === 'cancelled' || status === 'failed' || status === 'paused';
  if (isOver) return `not sent yet: the announcement is ${status}, and its page has not been sent`;
  return isRead ? 'not sent yet: its page is being sent' : 'not sent yet: its page has not been read';
}

function noSuchDevice(name: DeviceName): PushError {
  const expected = 'the id, the target or the member (member:ID) of a row in push_device';
  const got = name.kind === 'id' ? String(name.deviceId) : `a ${name.kind} without a device`;
  return PushError.of('NO_SUCH_DEVICE', [{ field: 'device', expected, got }]);
}
