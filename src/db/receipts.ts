import { ANNOUNCEMENT_STATUSES, type AnnouncementStatus } from '../model/announcement.ts';
import type { Verdict } from '../model/delivery.ts';
import { NO_RECEIPTS, type Receipt, RECEIPT_EVENTS, type ReceiptCounts } from '../model/receipt.ts';
import type { ReceiptFate, Receipts } from '../store/receipts.ts';
import { fits } from './columns.ts';
import type { Driver, Row } from './driver.ts';
import { isDuplicate } from './insert.ts';
import { literalBytesOf } from './literals.ts';
import { readOptionalText, readOptionalWhole, readOr, readText, readWhole, readWord } from './rows.ts';
import { chunksOf, type Fragment, sql } from './sql.ts';

/** SQLite looks up each part of an OR by itself, and its planner takes longer with each of them. */
const MAX_GROUPS = 100;

/** Each try but the last may meet rows that another process has just inserted. */
const MAX_TRIES = 5;

/** Verdicts on pushes that a phone may have got: of `unknown` and `retryable` ones FCM may have lost the answer alone. */
const ARRIVED: readonly Verdict[] = ['delivered', 'unknown', 'retryable'];

/** A receipt of a device that is in the table. */
interface Known extends Pick<Receipt, 'announcementId' | 'messageId' | 'event'> {
  readonly deviceId: number;
  readonly memberId: string | null;
}

type PushKey = Pick<Known, 'announcementId' | 'messageId' | 'deviceId'>;

/** The statements of push_receipt and push_receipt_count. */
export function makeReceipts(driver: Driver): Receipts {
  const { dialect } = driver;
  const { now, onConflict, incoming, maxRows, maxBytes } = dialect;

  /** The devices of the targets. A row that cannot be read is not known. */
  const fetchOwners = async (targets: readonly string[]): Promise<Map<string, Owner>> => {
    const owners = new Map<string, Owner>();
    for (const some of chunksOf(targets, (target) => 2 * literalBytesOf(target), maxBytes())) {
      const rows = await driver.all(
        sql`SELECT device_id, member_id, target FROM push_device WHERE ${dialect.isOneOf(sql`target`, some)}`,
      );
      for (const row of rows) {
        const owner = readOr([], () => parseOwner(row), null);
        if (owner !== null) owners.set(owner.target, owner);
      }
    }
    return owners;
  };

  /** Which of the pushes are in the ledger, and which of their receipts are in the table. */
  const fetchRecorded = async (
    pushes: readonly PushKey[],
  ): Promise<{ ledger: Set<string>; table: Set<string> }> => {
    const [ledger, table] = [new Set<string>(), new Set<string>()];
    const byMessage = Map.groupBy(
      pushes,
      ({ announcementId, messageId }) => `${announcementId}.${messageId}`,
    );
    for (const groups of chunksOf([...byMessage.values()], undefined, undefined, MAX_GROUPS)) {
      const isAsked = groups.map(isOfGroup).reduce((all, each) => sql`${all} OR ${each}`);
      const rows = await driver.all(
        sql`SELECT '' AS event, announcement_id, message_id, device_id FROM push_delivery
            WHERE (${isAsked}) AND verdict IN (${[...ARRIVED]})
            UNION ALL
            SELECT event, announcement_id, message_id, device_id FROM push_receipt WHERE ${isAsked}`,
      );
      for (const row of rows) {
        const event = readText(row, 'event');
        const key = keyOf({
          announcementId: readWhole(row, 'announcement_id'),
          messageId: readWhole(row, 'message_id'),
          deviceId: readWhole(row, 'device_id'),
        });
        if (event === '') ledger.add(key);
        else table.add(`${key} ${event}`);
      }
    }
    return { ledger, table };
  };

  /** Decides whether a device got a push, or may have got it already while its answer is not recorded. */
  const makeJudge = async (known: readonly Known[], ledger: ReadonlySet<string>) => {
    const messageIds = [...new Set(known.flatMap(({ messageId }) => (messageId === 0 ? [] : [messageId])))];
    const announcementIds = [...new Set(known.map(({ announcementId }) => announcementId))];
    const messages = await fetchMessages(driver, messageIds);
    const sent = await fetchAnnouncements(driver, announcementIds);
    return (each: Known): boolean => {
      const { announcementId, messageId } = each;
      // No phone has got anything of a dry run.
      if (announcementId !== 0 && !sent.has(announcementId)) return false;
      if (messageId === 0) return ledger.has(keyOf(each)) || sent.get(announcementId) === 'running';
      const message = messages.get(messageId);
      if (message?.isTest === true) return false;
      if (ledger.has(keyOf(each))) return true;
      return message?.announcementId === announcementId && isFor(message, each);
    };
  };

  /** Inserts receipts that are not in the table, and counts them. A duplicate is an error: nothing is written. */
  const insert = async (receipts: readonly Known[]): Promise<void> => {
    const rows = receipts.toSorted(byKey);
    const inserts = chunksOf(rows, undefined, undefined, maxRows).map((some) => {
      const values = some.map(
        ({ announcementId, messageId, deviceId, event }) =>
          sql`(${[announcementId, messageId, deviceId, event, now]})`,
      );
      return sql`INSERT INTO push_receipt (announcement_id, message_id, device_id, event, received_at) VALUES ${values}`;
    });
    const countRows = Array.from(
      Map.groupBy(rows, ({ announcementId, event }) => `${announcementId} ${event}`).values(),
      (each) => sql`(${[each[0]?.announcementId ?? 0, each[0]?.event ?? null, each.length]})`,
    );
    const [first, ...rest] = inserts;
    if (!first) return;
    // Last: the lock of a count is held by one transaction at a time.
    const count = sql`INSERT INTO push_receipt_count (announcement_id, event, receipts) VALUES ${countRows}
      ${onConflict(sql`announcement_id, event`)}
        receipts = push_receipt_count.receipts + ${incoming(sql`receipts`)}`;
    await driver.runTogether(first, ...rest, count);
  };

  return {
    async recordReceipts(receipts) {
      const targets = new Set(receipts.map(({ target }) => target).filter((each) => fits('target', each)));
      const owners = await fetchOwners([...targets]);
      const known = receipts.map(({ target, ...push }): Known | null => {
        const owner = owners.get(target);
        return owner === undefined ? null : { ...push, ...owner };
      });
      const all = known.filter((each) => each !== null);
      const fates: ReceiptFate[] = receipts.map(() => 'unknown');
      if (all.length === 0) return fates;
      let { ledger, table } = await fetchRecorded(all);
      const isReceived = await makeJudge(all, ledger);
      const fresh = new Map<string, Known>();
      for (const [nth, each] of known.entries()) {
        if (each === null || !isReceived(each)) continue;
        const key = eventKeyOf(each);
        fates[nth] = table.has(key) || fresh.has(key) ? 'repeated' : 'counted';
        if (fates[nth] === 'counted') fresh.set(key, each);
      }
      for (let tries = 1; fresh.size > 0; tries++) {
        try {
          await insert([...fresh.values()]);
          break;
        } catch (error) {
          if (!isDuplicate(error) || tries === MAX_TRIES) throw error;
        }
        // Another process has counted some of them meanwhile.
        ({ table } = await fetchRecorded([...fresh.values()]));
        for (const [nth, each] of known.entries()) {
          if (each !== null && table.has(eventKeyOf(each)) && fates[nth] === 'counted')
            fates[nth] = 'repeated';
        }
        for (const key of table) fresh.delete(key);
      }
      return fates;
    },

    async fetchReceiptCounts(announcementIds) {
      const counts = new Map<number, ReceiptCounts>();
      if (announcementIds.length === 0) return counts;
      const rows = await driver.all(
        sql`SELECT announcement_id, event, receipts FROM push_receipt_count
            WHERE announcement_id IN (${[...announcementIds]}) AND event IN (${[...RECEIPT_EVENTS]})`,
      );
      for (const row of rows) {
        const announcementId = readWhole(row, 'announcement_id');
        const event = readWord(row, 'event', RECEIPT_EVENTS);
        const earlier = counts.get(announcementId) ?? NO_RECEIPTS;
        counts.set(announcementId, { ...earlier, [event]: readWhole(row, 'receipts') });
      }
      return counts;
    },
  };
}

interface Owner extends Pick<Known, 'deviceId' | 'memberId'> {
  readonly target: string;
}

function parseOwner(row: Row): Owner {
  return {
    deviceId: readWhole(row, 'device_id'),
    memberId: readOptionalText(row, 'member_id'),
    target: readText(row, 'target'),
  };
}

interface Sent {
  readonly announcementId: number | null;
  readonly deviceId: number | null;
  readonly memberId: string | null;
  readonly isTest: boolean;
}

async function fetchMessages(driver: Driver, messageIds: readonly number[]): Promise<Map<number, Sent>> {
  if (messageIds.length === 0) return new Map();
  const rows = await driver.all(
    sql`SELECT message_id, announcement_id, device_id, member_id, test_of FROM push_message
        WHERE message_id IN (${[...messageIds]})`,
  );
  return new Map(
    rows.map((row): [number, Sent] => [
      readWhole(row, 'message_id'),
      {
        announcementId: readOptionalWhole(row, 'announcement_id'),
        deviceId: readOptionalWhole(row, 'device_id'),
        memberId: readOptionalText(row, 'member_id'),
        isTest: row['test_of'] !== null,
      },
    ]),
  );
}

/** The status of those of the announcements that are no dry runs. */
async function fetchAnnouncements(
  driver: Driver,
  announcementIds: readonly number[],
): Promise<Map<number, AnnouncementStatus>> {
  if (announcementIds.length === 0) return new Map();
  const rows = await driver.all(
    sql`SELECT announcement_id, status FROM push_announcement
        WHERE announcement_id IN (${[...announcementIds]}) AND dry_run = 0`,
  );
  return new Map(
    rows.map((row) => [readWhole(row, 'announcement_id'), readWord(row, 'status', ANNOUNCEMENT_STATUSES)]),
  );
}

function isFor(message: Sent, { deviceId, memberId }: Known): boolean {
  return message.deviceId === deviceId || (message.memberId !== null && message.memberId === memberId);
}

/** The condition on the pushes of one message, or of one announcement, to some devices. */
function isOfGroup(pushes: readonly PushKey[]): Fragment {
  const [first] = pushes;
  const deviceIds = [...new Set(pushes.map(({ deviceId }) => deviceId))];
  return sql`(announcement_id = ${first?.announcementId ?? null} AND message_id = ${first?.messageId ?? null}
    AND device_id IN (${deviceIds}))`;
}

function keyOf({ announcementId, messageId, deviceId }: PushKey): string {
  return `${announcementId} ${messageId} ${deviceId}`;
}

function eventKeyOf(each: Known): string {
  return `${keyOf(each)} ${each.event}`;
}

/** In the order of the key: two processes that insert the same receipts wait for each other, and do not deadlock. */
function byKey(one: Known, other: Known): number {
  return (
    one.announcementId - other.announcementId ||
    one.messageId - other.messageId ||
    one.deviceId - other.deviceId ||
    RECEIPT_EVENTS.indexOf(one.event) - RECEIPT_EVENTS.indexOf(other.event)
  );
}
