import { OPEN_VERDICTS } from '../model/delivery.ts';
import type { Announcement } from '../model/announcement.ts';
import type { Delivery, Push, Recorded, Verdict } from '../model/delivery.ts';
import type { Device } from '../model/device.ts';
import type { Hop, PageBounds } from '../model/hop.ts';
import { toPushes, unsendable } from '../messages/send.ts';
import type { Context } from '../context.ts';

/** What one hop is to do. */
export interface Page {
  readonly pushes: readonly Push[];
  /** Of messages that nobody can get: to be recorded only. */
  readonly unsent: readonly Delivery[];
  readonly bounds: PageBounds;
}

/** Reads one more than a page: if it is there, the page is full, and that one is where the next hop begins. */
export function fetchPage(
  ctx: Pick<Context, 'store' | 'config' | 'log'>,
  hop: Hop,
  { audience }: Pick<Announcement, 'audience'>,
): Promise<Page> {
  switch (audience) {
    case 'devices':
      return fetchDevices(ctx, hop);
    case 'messages':
      return fetchMessages(ctx, hop);
  }
}

async function fetchDevices({ store, config }: Pick<Context, 'store' | 'config'>, hop: Hop): Promise<Page> {
  const read = (toId: number | null, limit: number): Promise<Device[]> =>
    hop.round === 0 ? store.fetchPage(hop.fromId, toId, limit) : store.fetchRetryPage(hop, toId, limit);

  if (hop.page) {
    // A repeat. Devices may have come and gone since, so it is the bounds that make it the same page.
    const { lastId } = hop.page;
    if (hop.round > 0) return { pushes: await read(lastId, config.pageSize), unsent: [], bounds: hop.page };
    const devices = await store.fetchPageAgain(hop, lastId);
    const verdicts = await store.fetchVerdicts(hop.announcementId, hop.fromId, lastId);
    const pushes = devices.filter(({ deviceId }) => isUnsent(verdicts.get(deviceId)));
    return { pushes, unsent: [], bounds: hop.page };
  }
  const devices = await read(hop.toId, config.pageSize + 1);
  const ids = devices.map(({ deviceId }) => deviceId);
  const bounds = boundsOf(hop, ids, config.pageSize);
  return { pushes: devices.slice(0, config.pageSize), unsent: [], bounds };
}

/** As many messages, however many devices each goes to. */
async function fetchMessages(
  { store, config, log }: Pick<Context, 'store' | 'config' | 'log'>,
  hop: Hop,
): Promise<Page> {
  const bounds =
    hop.page ??
    boundsOf(hop, await store.fetchMessageIds(hop, hop.toId, config.pageSize + 1), config.pageSize);
  const messages = await store.fetchMessages(hop, bounds.lastId);
  const isFirst = hop.round === 0 && hop.page === null;
  const ledger = isFirst
    ? new Map<number, Map<number, Recorded>>()
    : await store.fetchLedger(hop, bounds.lastId);
  const page = { pushes: [] as Push[], unsent: [] as Delivery[], bounds };
  for (const message of messages) {
    const recorded = ledger.get(message.messageId);
    const refusal = recorded ? null : unsendable(message);
    if (refusal) page.unsent.push(refusal);
    if (refusal && message.problem !== null) {
      log.error('message refused', { messageId: message.messageId, why: message.problem });
    }
    page.pushes.push(
      ...toPushes(message).filter(({ deviceId }) => isLeft(hop.round, recorded?.get(deviceId))),
    );
  }
  return page;
}

function boundsOf({ fromId }: Hop, ids: readonly number[], pageSize: number): PageBounds {
  return { lastId: ids.slice(0, pageSize).at(-1) ?? Math.max(0, fromId - 1), nextId: ids[pageSize] ?? null };
}

/** What a round has to do with a push: the first sends all, each later one what the earlier ones left to try again. */
function isLeft(round: number, recorded: Recorded | undefined): boolean {
  if (round === 0 || recorded === undefined) return round === 0 && isUnsent(recorded?.verdict);
  if (OPEN_VERDICTS.includes(recorded.verdict) && recorded.round === round) return true;
  return recorded.isToRetry && recorded.round < round;
}

/** Nothing went out yet, or nothing that was the device's own; a `retryable` one waits for a round of its own. */
function isUnsent(verdict: Verdict | undefined): boolean {
  return verdict === undefined || OPEN_VERDICTS.includes(verdict);
}
