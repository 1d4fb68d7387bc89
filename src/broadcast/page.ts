import type { Context } from '../context.ts';
import { fillIn } from '../messages/fill-in.ts';
import { asBadDevice, isSendable, listUndeliverable, toPushes, withoutTwins } from '../messages/pushes.ts';
import type { SendableAnnouncement } from '../model/announcement.ts';
import { type Delivery, OPEN_VERDICTS, type Push, type Recorded, type Verdict } from '../model/delivery.ts';
import type { Device } from '../model/device.ts';
import type { Hop, PageBounds } from '../model/hop.ts';
import type { Message } from '../model/message.ts';
import { markOf } from '../model/receipt.ts';
import { whileHolding } from '../pace/hold.ts';
import { openWriter } from './own-content.ts';

/** The work of one hop. */
export interface Page {
  readonly pushes: readonly Push[];
  /** What is to be recorded of messages that reach no device, and of devices whose row cannot be used. */
  readonly undeliverable: readonly Delivery[];
  readonly bounds: PageBounds;
}

/** A page of round 0, where tokens are looked for whose FID gets the push. */
interface TwinPage {
  readonly read: readonly Device[];
  readonly open: readonly Device[];
  readonly bounds: PageBounds;
  readonly filter: SendableAnnouncement['filter'];
}

type PageContext = Pick<Context, 'store' | 'config' | 'clock' | 'log'>;

/** Reads one row more than a page holds: if it is there, the page is full, and that row is where the next hop begins. */
export async function fetchPage(
  ctx: PageContext,
  hop: Hop,
  announcement: SendableAnnouncement,
): Promise<Page> {
  // An earlier release of Baton may have planted the round.
  if (hop.round > 0) await ctx.store.keepRetries(hop.announcementId);
  switch (announcement.audience) {
    case 'devices':
      return fetchDevices(ctx, hop, announcement);
    case 'messages':
      return fetchMessages(ctx, hop);
  }
}

async function fetchDevices(ctx: PageContext, hop: Hop, announcement: SendableAnnouncement): Promise<Page> {
  const { store, config, log } = ctx;
  const write = await openWriter({ store, log, config }, announcement);
  // Round 0 selects by the filter; a retry round sends what the ledger has, whatever the devices say by now.
  const { filter } = announcement;
  const selection = { filter, withTraits: write !== null };
  const fetch = (toId: number | null, limit: number): Promise<Device[]> =>
    hop.round === 0
      ? store.fetchPage(hop.fromId, toId, limit, selection)
      : store.fetchRetryPage(hop, toId, limit, selection);
  const makePage = async (devices: Device[], bounds: PageBounds): Promise<Page> => {
    const bad = devices.filter((device) => !isSendable(device));
    for (const { deviceId, problem = '' } of bad) log.error('device refused', { deviceId, why: problem });
    const pushes = bad.length === 0 ? devices : devices.filter(isSendable);
    const undeliverable = bad.map(asBadDevice);
    if (write === null) return { pushes, undeliverable, bounds };
    const own = await whileHolding(ctx, hop, () => write(pushes, hop.isCanary));
    return { pushes: own.pushes, undeliverable: [...undeliverable, ...own.refused], bounds };
  };

  if (hop.page) {
    // A repeat. Devices may have been added, removed or changed since: the bounds and the ledger make it the same page.
    const { lastId } = hop.page;
    if (hop.round > 0) return makePage(await fetch(lastId, config.pageSize), hop.page);
    const devices = await store.fetchPageAgain(hop, lastId, selection);
    const verdicts = await store.fetchVerdicts(hop.announcementId, hop.fromId, lastId);
    const open = devices.filter(({ deviceId }) => !verdicts.has(deviceId));
    const twins = await fetchTwins(ctx, hop, { read: devices, open, bounds: hop.page, filter });
    return makePage(
      devices.filter(({ deviceId }) => isUnsent(verdicts.get(deviceId)) && !twins.has(deviceId)),
      hop.page,
    );
  }
  const devices = await fetch(hop.toId, config.pageSize + 1);
  const ids = devices.map(({ deviceId }) => deviceId);
  const bounds = boundsOf(hop, ids, config.pageSize);
  const read = devices.slice(0, config.pageSize);
  // What a retry round sends, the ledger has.
  if (hop.round > 0) return makePage(read, bounds);
  const twins = await fetchTwins(ctx, hop, { read, open: read, bounds, filter });
  return makePage(twins.size === 0 ? read : read.filter(({ deviceId }) => !twins.has(deviceId)), bounds);
}

/**
 * One phone gets one push, though it may be in the table with its token and with its FID: that of the FID, if that is sure to be
 * sent. Else both are sent to, and FCM lets one of them work only. `open` are the devices of the page that the ledger does not have.
 */
async function fetchTwins(
  { store }: Pick<Context, 'store'>,
  hop: Hop,
  { read, open, bounds, filter }: TwinPage,
): Promise<ReadonlySet<number>> {
  const { nextId } = bounds;
  return store.fetchTwins(open, { hop, page: read, nextId, isRepeat: hop.page !== null, filter });
}

/** In a mailing a page holds PAGE_SIZE messages, however many devices each goes to. */
async function fetchMessages(ctx: PageContext, hop: Hop): Promise<Page> {
  const { store, config, log } = ctx;
  const bounds =
    hop.page ??
    boundsOf(hop, await store.fetchMessageIds(hop, hop.toId, config.pageSize + 1), config.pageSize);
  const fetched = await store.fetchMessages(hop, bounds.lastId);
  const messages = await whileHolding(ctx, hop, () => fillIn({ store, log }, fetched));
  const isFirst = hop.round === 0 && hop.page === null;
  const ledger = isFirst
    ? new Map<number, Map<number, Recorded>>()
    : await store.fetchLedger(hop, bounds.lastId);
  const page = { pushes: [] as Push[], undeliverable: [] as Delivery[], bounds };
  for (const each of messages) {
    const recorded = ledger.get(each.messageId);
    const message = withoutTwins(each, recorded);
    page.undeliverable.push(...refuse(hop.round, message, recorded));
    if (!recorded && message.problem !== null) {
      log.error('message refused', { messageId: message.messageId, why: message.problem });
    }
    const { announcementId } = hop;
    const mark = markOf(config, { announcementId, messageId: message.messageId });
    for (const push of toPushes(message, mark)) {
      const earlier = recorded?.get(push.deviceId);
      if (!isToSend(hop.round, earlier)) continue;
      page.pushes.push(earlier ? { ...push, was: earlier.verdict } : push);
    }
  }
  return page;
}

/**
 * What is to be recorded of a message that reaches no device, or not all of them. What the ledger has as still to be sent is
 * refused as well, if the message can no longer be written: its template may have changed since.
 */
function refuse(
  round: number,
  message: Message,
  recorded: ReadonlyMap<number, Recorded> | undefined,
): readonly Delivery[] {
  const refused = listUndeliverable(message);
  if (!recorded) return refused;
  if (message.content === null) {
    const open = [...recorded].filter(([, earlier]) => isToSend(round, earlier));
    return refused.flatMap((refusal) => open.map(([deviceId]) => ({ ...refusal, deviceId })));
  }
  if (message.devices.length === 0) return [];
  return refused.filter(({ deviceId }) => isToSend(round, recorded.get(deviceId)));
}

function boundsOf({ fromId }: Hop, ids: readonly number[], pageSize: number): PageBounds {
  return { lastId: ids.slice(0, pageSize).at(-1) ?? Math.max(0, fromId - 1), nextId: ids[pageSize] ?? null };
}

/** Whether a round sends a push: round 0 sends all, each later one what the earlier rounds left to retry. */
function isToSend(round: number, recorded: Recorded | undefined): boolean {
  if (round === 0 || recorded === undefined) return round === 0 && isUnsent(recorded?.verdict);
  if (OPEN_VERDICTS.includes(recorded.verdict) && recorded.round === round) return true;
  return recorded.isToRetry && recorded.round < round;
}

/** True if nothing was sent to the device yet, or nothing that was its fault; a `retryable` push waits for its own round. */
function isUnsent(verdict: Verdict | undefined): boolean {
  return verdict === undefined || OPEN_VERDICTS.includes(verdict);
}
