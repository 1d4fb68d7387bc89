import type { DeviceDelivery, DeviceMessage } from '../model/delivery.ts';
import type { DeviceRecord, TestName } from '../model/device.ts';
import { type TestDelivery, testKeyPrefix } from '../model/message.ts';
import type { Explanations } from '../store/explanations.ts';
import { fits } from './columns.ts';
import { flagColumns, makeTraitParser, traitColumns } from './device-traits.ts';
import type { Dialect, Driver, Row } from './driver.ts';
import { makeColumnLookup, requireColumn } from './optional.ts';
import {
  readFlag,
  readOptionalText,
  readOptionalTime,
  readOptionalWhole,
  readOr,
  readVerdict,
  readWhole,
} from './rows.ts';
import { type Fragment, sql } from './sql.ts';
import { fetchTags } from './tags.ts';

/** The statements that `explain` needs besides those of the other tables. */
export function makeExplanations(driver: Driver): Explanations {
  const { dialect } = driver;
  const { epochMs } = dialect;
  const fetchColumns = makeColumnLookup(driver, 'push_device');

  return {
    async fetchLaneEnds(announcementId) {
      const rows = await driver.all(
        sql`SELECT from_id, to_id FROM push_hop WHERE announcement_id = ${announcementId} AND round = 0`,
      );
      return new Map(rows.map((row) => [readWhole(row, 'from_id'), readOptionalWhole(row, 'to_id')]));
    },

    async countByPage({ announcementId, audience }) {
      const rows = await driver.all(
        sql`SELECT from_id, (
              SELECT COUNT(*) FROM push_delivery
              WHERE push_delivery.announcement_id = push_hop.announcement_id AND ${isInPage(audience)}) AS pushes
            FROM push_hop WHERE announcement_id = ${announcementId} AND round = 0`,
      );
      return new Map(rows.map((row) => [readWhole(row, 'from_id'), readWhole(row, 'pushes')]));
    },

    async findDevices(name, limit) {
      if (name.kind === 'test') requireColumn('push_device', 'is_test', await fetchColumns());
      const condition = isNamed(dialect, name);
      if (condition === null) return [];
      const columns = await fetchColumns();
      const rows = await driver.all(
        sql`SELECT device_id, ${traitColumns(dialect, columns)}, ${flagColumns(columns)},
              ${epochMs(sql`created_at`)} AS created_ms,
              ${epochMs(sql`unregistered_at`)} AS unregistered_ms, unregistered_reason, unregistered_by
            FROM push_device WHERE ${condition} ORDER BY device_id LIMIT ${limit}`,
      );
      const tagsById = await fetchTags(
        driver,
        rows.map((row) => readWhole(row, 'device_id')),
      );
      return rows.map((row) => parseDeviceRecord(row, tagsById));
    },

    async fetchDeviceDeliveries(deviceId, announcementIds) {
      if (announcementIds.length === 0) return [];
      const rows = await driver.all(
        sql`SELECT announcement_id, verdict, reason, message_name, attempts,
              ${epochMs(sql`recorded_at`)} AS recorded_ms, ${epochMs(sql`retry_at`)} AS retry_ms
            FROM push_delivery
            WHERE announcement_id IN (${[...announcementIds]}) AND message_id = 0 AND device_id = ${deviceId}
            ORDER BY announcement_id DESC`,
      );
      return rows.map(parseDeviceDelivery);
    },

    async fetchTestDeliveries(deviceId, limit) {
      // `;` is the character after `:`, so that this is a range of the unique keys.
      const [first, end] = [testKeyPrefix(deviceId), testKeyPrefix(deviceId).replace(/:$/, ';')];
      const messages = await driver.all(
        sql`SELECT message_id, test_of FROM push_message
            WHERE message_key >= ${first} AND message_key < ${end} AND test_of IS NOT NULL
            ORDER BY message_key DESC LIMIT ${limit}`,
      );
      if (messages.length === 0) return [];
      const testOf = new Map(
        messages.map((row) => [readWhole(row, 'message_id'), readWhole(row, 'test_of')]),
      );
      const rows = await driver.all(
        sql`SELECT message_id, verdict, reason, message_name, ${epochMs(sql`recorded_at`)} AS recorded_ms
            FROM push_delivery
            WHERE announcement_id = 0 AND message_id IN (${[...testOf.keys()]}) AND device_id = ${deviceId}
            ORDER BY message_id DESC`,
      );
      return rows.map((row) => parseTestDelivery(row, testOf));
    },

    async fetchDeviceMessages({ deviceId, memberId }, maxSearched, limit) {
      const [last] = await driver.all(
        sql`SELECT message_id FROM push_message ORDER BY message_id DESC LIMIT 1`,
      );
      if (!last) return [];
      const fromId = Math.max(0, readWhole(last, 'message_id') - maxSearched + 1);
      const isOfMember =
        memberId === null ? sql`` : sql`OR ${dialect.isSameText(sql`member_id`, sql`${memberId}`)}`;
      const rows = await driver.all(
        sql`SELECT push_message.message_id, push_message.announcement_id, ${epochMs(sql`publish_at`)} AS publish_ms,
              verdict, reason, message_name, attempts,
              ${epochMs(sql`recorded_at`)} AS recorded_ms, ${epochMs(sql`retry_at`)} AS retry_ms
            FROM push_message LEFT JOIN push_delivery
              ON push_delivery.announcement_id = push_message.announcement_id
                AND push_delivery.message_id = push_message.message_id AND push_delivery.device_id IN (${deviceId}, 0)
            WHERE push_message.message_id >= ${fromId} AND test_of IS NULL AND (push_message.device_id = ${deviceId} ${isOfMember})
            ORDER BY push_message.message_id DESC LIMIT ${limit}`,
      );
      return rows.map(parseDeviceMessage);
    },
  };
}

function isInPage(audience: 'devices' | 'messages'): Fragment {
  switch (audience) {
    case 'devices':
      return sql`message_id = 0 AND push_delivery.device_id BETWEEN push_hop.from_id AND push_hop.last_id`;
    case 'messages':
      return sql`message_id > 0 AND message_id BETWEEN push_hop.from_id AND push_hop.last_id`;
  }
}

/** The condition that a device has this name; null if no row can have it. */
function isNamed({ isSameText }: Dialect, name: TestName): Fragment | null {
  switch (name.kind) {
    case 'test':
      return sql`is_test = 1`;
    case 'id':
      return sql`device_id = ${name.deviceId}`;
    case 'target':
      return fits('target', name.target) ? isSameText(sql`target`, sql`${name.target}`) : null;
    case 'member':
      return fits('member_id', name.memberId) ? isSameText(sql`member_id`, sql`${name.memberId}`) : null;
  }
}

/** Another hand may have written the row: what cannot be read is not known. */
function parseDeviceRecord(row: Row, tagsById: Awaited<ReturnType<typeof fetchTags>>): DeviceRecord {
  const deviceId = readWhole(row, 'device_id');
  const parseTraits = makeTraitParser();
  return {
    deviceId,
    ...parseTraits(row),
    isTest: read(() => readFlag(row, 'is_test')) ?? false,
    isCanary: read(() => readFlag(row, 'is_canary')) ?? false,
    tags: Object.fromEntries(tagsById.get(deviceId) ?? []),
    createdAt: read(() => readOptionalTime(row, 'created_ms')),
    unregisteredAt: read(() => readOptionalTime(row, 'unregistered_ms')),
    unregisteredReason: read(() => readOptionalText(row, 'unregistered_reason')),
    unregisteredBy: read(() => readOptionalWhole(row, 'unregistered_by')),
  };
}

function read<T>(one: () => T): T | null {
  return readOr<T | null>([], one, null);
}

function parseDeviceMessage(row: Row): DeviceMessage {
  return {
    messageId: readWhole(row, 'message_id'),
    announcementId: readOptionalWhole(row, 'announcement_id'),
    publishAt: read(() => readOptionalTime(row, 'publish_ms')),
    delivery: row['verdict'] === null ? null : parseDeviceDelivery(row),
  };
}

function parseDeviceDelivery(row: Row): DeviceDelivery {
  return {
    announcementId: readWhole(row, 'announcement_id'),
    verdict: readVerdict(row),
    reason: readOptionalText(row, 'reason'),
    messageName: readOptionalText(row, 'message_name'),
    attempts: readWhole(row, 'attempts'),
    recordedAt: readWhole(row, 'recorded_ms'),
    retryAt: readOptionalWhole(row, 'retry_ms'),
  };
}

function parseTestDelivery(row: Row, testOf: ReadonlyMap<number, number>): TestDelivery {
  const messageId = readWhole(row, 'message_id');
  return {
    messageId,
    testOf: testOf.get(messageId) ?? 0,
    verdict: readVerdict(row),
    reason: readOptionalText(row, 'reason'),
    messageName: readOptionalText(row, 'message_name'),
    recordedAt: readWhole(row, 'recorded_ms'),
  };
}
