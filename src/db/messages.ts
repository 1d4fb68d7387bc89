import { type Recorded, VERDICTS } from '../model/delivery.ts';
import type { Device } from '../model/device.ts';
import type { HopKey } from '../model/hop.ts';
import type { Message, NewMessage } from '../model/message.ts';
import type { Messages } from '../store.ts';
import { PushError } from '../errors.ts';
import { pruneStatements, ROWS_PER_STATEMENT } from './devices.ts';
import { type Driver, marks, type Row, type Statement, type Value } from './driver.ts';
import { IS_LEFT, upsertDeliveries } from './deliveries.ts';
import {
  readContent,
  readDevice,
  readOptionalText,
  readOptionalWhole,
  readText,
  readWhole,
  readWord,
  valuesOfContent,
} from './rows.ts';

/** What stands in the ledger in place of a run for messages that are sent at once. */
const AT_ONCE = { announcementId: 0, round: 0 };

const CONTENT = 'title, body, image, data, options, ttl_seconds';
const NEW_MESSAGE = `message_key, source, device_id, member_id, ${CONTENT}`;

type Where = Statement;

/** The part of the store that has to do with messages. */
export function makeMessages(driver: Driver): Messages {
  const { dialect } = driver;
  const { now, nowPlusMs, msUntil, plusSeconds, atMs, insertIgnore } = dialect;

  /** Each message as often as it has devices; once with a device that is NULL if it has none. */
  const fetchRows = async (where: Where): Promise<Row[]> => {
    const columns = `push_message.message_id, message_key, ${CONTENT}, owner,
      ${msUntil('leased_until')} AS lease_ms, ${msUntil(plusSeconds('publish_at', 'ttl_seconds'))} AS expires_in_ms,
      push_device.device_id, target, target_kind`;
    const to = (column: string, other: string): string => `
      SELECT ${columns} FROM push_message LEFT JOIN push_device ON push_device.${column} = push_message.${column}
        AND push_device.unregistered_at IS NULL
      WHERE ${where.sql} AND push_message.${other} IS NULL`;
    return driver.all(`${to('device_id', 'member_id')} UNION ALL ${to('member_id', 'device_id')}`, [
      ...where.values,
      ...where.values,
    ]);
  };

  const fetchDeliveries = async (where: Where): Promise<Row[]> =>
    driver.all(
      `SELECT push_delivery.message_id, push_delivery.device_id, verdict, reason, message_name, round,
         CASE WHEN retry_at IS NULL THEN 0 ELSE 1 END AS is_to_retry
       FROM push_message JOIN push_delivery ON push_delivery.announcement_id = push_message.announcement_id
         AND push_delivery.message_id = push_message.message_id
       WHERE ${where.sql}`,
      where.values,
    );

  return {
    async addMessages(messages, publishAt) {
      for (let first = 0; first < messages.length; first += ROWS_PER_STATEMENT) {
        const rows = messages.slice(first, first + ROWS_PER_STATEMENT);
        await driver.run(
          `INSERT INTO push_message (${NEW_MESSAGE}, publish_at, created_at)
           VALUES ${rows.map(() => `(${marks(10)}, ${atMs}, ${now})`).join(', ')}`,
          rows.flatMap((message) => [...valuesOf(message), publishAt]),
        );
      }
    },

    async fetchPendingSources() {
      const rows = await driver.all(
        'SELECT DISTINCT source FROM push_message WHERE announcement_id IS NULL',
        [],
      );
      return rows.map((row) => readText(row, 'source'));
    },

    async makeMailing(source, limit) {
      const due = `announcement_id IS NULL AND source = ? AND publish_at <= ${now}`;
      const [row = {}] = await driver.all(
        `SELECT MAX(message_id) AS last_id FROM
           (SELECT message_id FROM push_message WHERE ${due} ORDER BY message_id LIMIT ?) AS due`,
        [source, limit],
      );
      const lastId = readOptionalWhole(row, 'last_id');
      if (lastId === null) return null;
      const { insertId } = await driver.run(
        `INSERT INTO push_announcement (title, body, source, audience, status, created_at)
         VALUES ('', '', ?, 'messages', 'draft', ${now})`,
        [source],
      );
      const isTaken = await driver.runTogether(
        {
          sql: `UPDATE push_message SET announcement_id = ? WHERE ${due} AND message_id <= ?`,
          values: [insertId, source, lastId],
        },
        {
          sql: `UPDATE push_announcement SET status = 'scheduled', publish_at = ${now} WHERE announcement_id = ?`,
          values: [insertId],
        },
      );
      if (isTaken) return insertId;
      // Another tick was faster.
      await driver.run("DELETE FROM push_announcement WHERE announcement_id = ? AND status = 'draft'", [
        insertId,
      ]);
      return null;
    },

    async fetchMessageIds({ announcementId, round, fromId }: HopKey, toId, limit) {
      const rows = await driver.all(
        `SELECT DISTINCT message_id FROM ${round === 0 ? 'push_message' : 'push_delivery'}
         WHERE announcement_id = ? AND message_id >= ? ${toId === null ? '' : 'AND message_id <= ?'}
           ${round === 0 ? '' : `AND ${IS_LEFT}`}
         ORDER BY message_id LIMIT ?`,
        [
          announcementId,
          fromId,
          ...(toId === null ? [] : [toId]),
          ...(round === 0 ? [] : [round, round]),
          limit,
        ],
      );
      return rows.map((row) => readWhole(row, 'message_id'));
    },

    async fetchMessages(key, lastId) {
      return [...readMessages(await fetchRows(inPage(key, lastId))).values()]
        .map(({ message }) => message)
        .toSorted((one, other) => one.messageId - other.messageId);
    },

    async fetchLedger(key, lastId) {
      return readLedger(await fetchDeliveries(inPage(key, lastId)));
    },

    async claimMessages(messages, owner, leaseMs) {
      const keys = messages.map(({ messageKey }) => messageKey);
      const named: Where = { sql: `message_key IN (${marks(keys.length)})`, values: keys };
      const { changes } = await driver.run(
        `${insertIgnore} INTO push_message
           (${NEW_MESSAGE}, announcement_id, owner, leased_until, publish_at, created_at)
         VALUES ${messages.map(() => `(${marks(12)}, ${nowPlusMs}, ${now}, ${now})`).join(', ')}`,
        messages.flatMap((message) => [...valuesOf(message), AT_ONCE.announcementId, owner, leaseMs]),
      );
      const areNew = changes === messages.length;
      if (!areNew) {
        await driver.run(
          `UPDATE push_message SET owner = ?, leased_until = ${nowPlusMs}
           WHERE ${named.sql} AND announcement_id = ? AND leased_until <= ${now}`,
          [owner, leaseMs, ...keys, AT_ONCE.announcementId],
        );
      }
      const found = readMessages(await fetchRows(named));
      const ledger = areNew ? new Map() : readLedger(await fetchDeliveries(named));
      return keys.map((key) => {
        const row = found.get(key);
        if (!row) throw new PushError('DATABASE', `message ${key} cannot be read back`);
        const { message, holder, leaseMs: leftMs } = row;
        const recorded = ledger.get(message.messageId) ?? new Map<number, Recorded>();
        return {
          ...message,
          owner: holder ?? '',
          isMine: holder === owner,
          leaseMs: Math.max(0, leftMs),
          recorded,
        };
      });
    },

    async recordMessages(deliveries, givenBack) {
      const statements = [
        ...upsertDeliveries(dialect, AT_ONCE, deliveries),
        ...pruneStatements(dialect, AT_ONCE.announcementId, deliveries),
      ];
      if (givenBack.length > 0) {
        const owners = [...new Set(givenBack.map(({ owner }) => owner))];
        statements.push({
          sql: `UPDATE push_message SET leased_until = ${now}
                WHERE message_id IN (${marks(givenBack.length)}) AND owner IN (${marks(owners.length)})`,
          values: [...givenBack.map(({ messageId }) => messageId), ...owners],
        });
      }
      const [first, ...rest] = statements;
      if (!first) return;
      if (rest.length === 0) await driver.run(first.sql, first.values);
      else await driver.runTogether(first, ...rest);
    },
  };
}

/** A later round's page has few messages of a long range, and reads no others. */
function inPage({ announcementId, round, fromId }: HopKey, lastId: number): Where {
  const range = 'push_message.announcement_id = ? AND push_message.message_id BETWEEN ? AND ?';
  const values = [announcementId, fromId, lastId];
  if (round === 0) return { sql: range, values };
  return {
    sql: `${range} AND EXISTS (
      SELECT 1 FROM push_delivery AS tried
      WHERE tried.announcement_id = push_message.announcement_id
        AND tried.message_id = push_message.message_id AND ${IS_LEFT})`,
    values: [...values, round, round],
  };
}

function valuesOf({ messageKey, source, recipient, content, ttlSeconds }: NewMessage): Value[] {
  return [
    messageKey,
    source,
    recipient.deviceId,
    recipient.memberId,
    ...valuesOfContent(content),
    ttlSeconds,
  ];
}

interface Found {
  readonly message: Message & { devices: Device[] };
  readonly holder: string | null;
  readonly leaseMs: number;
}

/** By key, or by id where there is none. */
function readMessages(rows: readonly Row[]): Map<string | number, Found> {
  const found = new Map<string | number, Found>();
  for (const row of rows) {
    const messageId = readWhole(row, 'message_id');
    const name = readOptionalText(row, 'message_key') ?? messageId;
    const known = found.get(name) ?? {
      message: {
        messageId,
        ...readSendable(row),
        ttlSeconds: readOptionalWhole(row, 'ttl_seconds'),
        expiresInMs: readOptionalWhole(row, 'expires_in_ms'),
        devices: [],
      },
      holder: readOptionalText(row, 'owner'),
      leaseMs: readOptionalWhole(row, 'lease_ms') ?? 0,
    };
    if (row['device_id'] !== null) known.message.devices.push(readDevice(row));
    found.set(name, known);
  }
  return found;
}

/** One row that a back end has filled in badly must not stop all the others. */
function readSendable(row: Row): Pick<Message, 'content' | 'problem'> {
  try {
    return { content: readContent(row), problem: null };
  } catch (error) {
    if (!(error instanceof PushError)) throw error;
    return { content: null, problem: error.message };
  }
}

function readLedger(rows: readonly Row[]): Map<number, Map<number, Recorded>> {
  const ledger = new Map<number, Map<number, Recorded>>();
  for (const row of rows) {
    const messageId = readWhole(row, 'message_id');
    const ofMessage = ledger.get(messageId) ?? new Map<number, Recorded>();
    ofMessage.set(readWhole(row, 'device_id'), {
      verdict: readWord(row, 'verdict', VERDICTS),
      reason: readOptionalText(row, 'reason'),
      messageName: readOptionalText(row, 'message_name'),
      round: readWhole(row, 'round'),
      isToRetry: readWhole(row, 'is_to_retry') !== 0,
    });
    ledger.set(messageId, ofMessage);
  }
  return ledger;
}
