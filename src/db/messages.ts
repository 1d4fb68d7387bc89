import type { HopKey } from '../model/hop.ts';
import type { ClaimedMessage, MessageClaim, NewMessage } from '../model/message.ts';
import type { Messages } from '../store.ts';
import { PushError } from '../errors.ts';
import { insertAudit } from './audits.ts';
import { CONTENT_COLUMNS } from './content.ts';
import { traitColumns } from './device-traits.ts';
import { pruneDevices, relabelDevices } from './devices.ts';
import type { Dialect, Driver, Row } from './driver.ts';
import { insertMissing } from './insert.ts';
import { TAKEN_OVER } from './hops.ts';
import { makeColumnLookup } from './optional.ts';
import { upsertDeliveries, upsertProof } from './ledger.ts';
import { LISTED_ID_BYTES, literalBytesOf } from './literals.ts';
import { parseLedger, parseMessages } from './message-rows.ts';
import { bytesOf, isSameMessage, NEW_COLUMNS, newValues } from './new-message.ts';
import { isToSend, joinRetries } from './retries.ts';
import { readOptionalWhole, readOr, readText, readWhole } from './rows.ts';
import { chunksOf, type Fragment, sql, type Statement } from './sql.ts';

/** Messages that are sent at once are in the ledger under this announcement and round. */
const AT_ONCE = { announcementId: 0, round: 0 };

/** The statements of push_message. */
export function makeMessages(driver: Driver): Messages {
  const { dialect } = driver;
  const { now, nowPlus, msUntil, plusSeconds, at, isSameText, maxBytes } = dialect;

  const fetchDeviceColumns = makeColumnLookup(driver, 'push_device');

  /** One row for each message and device; one row with a device that is NULL for a message without devices. */
  const fetchRows = async (where: Fragment): Promise<Row[]> => {
    // Two joins, as an OR in one would use neither index of push_device.
    const joinBy = (condition: Fragment, isMessage: Fragment, traits: Fragment): Fragment => sql`
      SELECT push_message.message_id, message_key, ${CONTENT_COLUMNS}, owner,
        push_message.device_id AS recipient_id, topic, topic_condition, template, variables, ${traits}
        ${msUntil(sql`leased_until`)} AS lease_ms,
        ${msUntil(plusSeconds(sql`publish_at`, sql`ttl_seconds`))} AS expires_in_ms,
        push_device.device_id, target, target_kind
      FROM push_message LEFT JOIN push_device
        ON ${condition} AND push_device.unregistered_at IS NULL
      WHERE ${where} AND ${isMessage}`;
    const fetch = (traits: Fragment, isWanted: Fragment): Promise<Row[]> => {
      const isDevice = sql`push_device.device_id = push_message.device_id`;
      const isMember = isSameText(sql`push_device.member_id`, sql`push_message.member_id`);
      const byDevice = joinBy(isDevice, sql`push_message.member_id IS NULL ${isWanted}`, traits);
      return driver.all(
        sql`${byDevice} UNION ALL ${joinBy(isMember, sql`push_message.device_id IS NULL ${isWanted}`, traits)}`,
      );
    };
    const rows = await fetch(sql``, sql``);
    const idsWithTemplate = new Set(
      rows.filter((row) => row['template'] !== null).map((row) => row['message_id']),
    );
    if (idsWithTemplate.size === 0) return rows;
    // What devices say about themselves is for templates alone.
    const traits = sql`${traitColumns(dialect, await fetchDeviceColumns())},`;
    const full = (await fetch(traits, sql`AND template IS NOT NULL`)).filter((row) =>
      idsWithTemplate.has(row['message_id']),
    );
    // A back end may have changed a row in between: each message is of one of the two readings.
    const idsAgain = new Set(full.map((row) => row['message_id']));
    return [...rows.filter((row) => !idsAgain.has(row['message_id'])), ...full];
  };

  const fetchDeliveries = async (where: Fragment): Promise<Row[]> =>
    driver.all(
      sql`SELECT push_delivery.message_id, push_delivery.device_id, verdict, reason, message_name, round,
            CASE WHEN retry_at IS NULL THEN 0 ELSE 1 END AS is_to_retry
          FROM push_message JOIN push_delivery
            ON push_delivery.announcement_id = push_message.announcement_id
              AND push_delivery.message_id = push_message.message_id
          WHERE ${where}`,
    );

  const fetchKeys = async (keys: readonly string[]): Promise<ReadonlySet<string>> => {
    const rows = await driver.all(sql`SELECT message_key FROM push_message WHERE message_key IN (${keys})`);
    return new Set(rows.map((row) => readText(row, 'message_key')));
  };

  /** Keys whose row was made for another message. */
  const fetchReusedKeys = async (messages: readonly NewMessage[]): Promise<ReadonlySet<string>> => {
    const byKey = new Map(messages.map((message) => [message.messageKey, message]));
    const rows = await driver.all(
      sql`SELECT ${NEW_COLUMNS} FROM push_message WHERE message_key IN (${[...byKey.keys()]})`,
    );
    const other = rows.filter((row) => {
      const message = byKey.get(readText(row, 'message_key'));
      return message !== undefined && !isSameMessage(row, message);
    });
    return new Set(other.map((row) => readText(row, 'message_key')));
  };

  /** Makes a mailing of the messages; null if another tick has taken them in the meantime. */
  const takeIntoMailing = async (source: string, isDue: Fragment): Promise<number | null> => {
    const { insertId } = await driver.run(
      sql`INSERT INTO push_announcement (title, body, source, audience, status, created_at)
          VALUES ('', '', ${source}, 'messages', 'draft', ${now})`,
    );
    const hasMessages = await driver.runTogether(
      sql`UPDATE push_message SET announcement_id = ${insertId} WHERE ${isDue}`,
      sql`UPDATE push_announcement SET status = 'scheduled', publish_at = ${now}
          WHERE announcement_id = ${insertId}`,
      insertAudit(dialect, {
        announcementId: insertId,
        source: null,
        actor: 'schedule',
        action: 'created',
        became: 'scheduled',
        why: 'a mailing of the messages that are due',
      }),
    );
    if (hasMessages) return insertId;
    await driver.run(
      sql`DELETE FROM push_announcement WHERE announcement_id = ${insertId} AND status = 'draft'`,
    );
    return null;
  };

  /** Claims as many messages as one statement takes. */
  const claimChunk = async (
    messages: readonly NewMessage[],
    owner: string,
    leaseMs: number,
  ): Promise<ClaimedMessage[]> => {
    const added = await insertMissing(driver, messages, {
      keyOf: ({ messageKey }) => messageKey,
      insert: (missing) => {
        const rows = missing.map(
          (message) =>
            sql`(${newValues(message)}, ${AT_ONCE.announcementId}, ${owner}, ${nowPlus(leaseMs)}, ${now}, ${now})`,
        );
        return sql`
          INSERT INTO push_message
            (${NEW_COLUMNS}, announcement_id, owner, leased_until, publish_at, created_at)
          VALUES ${rows}`;
      },
      fetchKeys,
    });
    const keys = messages.map(({ messageKey }) => messageKey);
    const isNamed = sql`message_key IN (${keys})`;
    const areNew = added === messages.length;
    if (!areNew) {
      await driver.run(
        sql`UPDATE push_message SET leased_until = ${nowPlus(leaseMs)},
              owner = CASE WHEN owner IS NULL THEN ${owner} ELSE ${owner + TAKEN_OVER} END
            WHERE ${isNamed} AND announcement_id = ${AT_ONCE.announcementId} AND leased_until <= ${now}`,
      );
    }
    const rows = parseMessages(await fetchRows(isNamed));
    const reused = areNew ? new Set<string>() : await fetchReusedKeys(messages);
    const ledger = areNew ? new Map<never, never>() : parseLedger(await fetchDeliveries(isNamed));
    return keys.map((key) => {
      const row = rows.get(key);
      if (!row) throw new PushError('DATABASE', `message ${key}: expected a row, got none`);
      const { message, claimant, leaseMs: remainingMs } = row;
      return {
        ...message,
        owner: claimant ?? '',
        isMine: claimant === owner || claimant === owner + TAKEN_OVER,
        isTakenOver: claimant?.endsWith(TAKEN_OVER) ?? false,
        isSame: !reused.has(key),
        leaseMs: Math.max(0, remainingMs),
        recorded: ledger.get(message.messageId) ?? new Map(),
      };
    });
  };

  /** Changes the rows of messages that are still their owners'. */
  const changeHeld = (claims: readonly MessageClaim[], assignments: Fragment): Statement[] =>
    chunksOf(claims, ({ owner }) => LISTED_ID_BYTES + literalBytesOf(owner), maxBytes()).map((chunk) => {
      const ids = chunk.map(({ messageId }) => messageId);
      const owners = [...new Set(chunk.map(({ owner }) => owner))];
      return sql`UPDATE push_message SET ${assignments}
                 WHERE message_id IN (${ids}) AND owner IN (${owners})`;
    });

  return {
    async addMessages(messages, publishAt) {
      for (const chunk of chunksOf(messages, bytesOf, maxBytes())) {
        const rows = chunk.map((message) => sql`(${newValues(message)}, ${at(publishAt)}, ${now})`);
        await driver.run(
          sql`INSERT INTO push_message (${NEW_COLUMNS}, publish_at, created_at) VALUES ${rows}`,
        );
      }
    },

    async fetchPendingSources() {
      const rows = await driver.all(
        sql`SELECT DISTINCT source FROM push_message WHERE announcement_id IS NULL`,
      );
      return rows.flatMap((row) => readOr([], () => [readText(row, 'source')], []));
    },

    async makeMailing(source, limit) {
      const isDue = sql`announcement_id IS NULL AND source = ${source} AND publish_at <= ${now}`;
      const isNamed = sql`${isDue} AND message_id <= ${Number.MAX_SAFE_INTEGER}`;
      const [row = {}] = await driver.all(
        sql`SELECT MAX(message_id) AS last_id FROM ${firstDue(isNamed, limit)}`,
      );
      const lastId = readOptionalWhole(row, 'last_id');
      if (lastId !== null) return takeIntoMailing(source, sql`${isNamed} AND message_id <= ${lastId}`);
      // Ids that no job can name: they get a mailing of their own, which fails at its first hop with one of them named.
      const isOther = sql`${isDue} AND message_id > ${Number.MAX_SAFE_INTEGER}`;
      const [other] = await driver.all(sql`SELECT 1 FROM ${firstDue(isOther, 1)}`);
      if (!other) return null;
      return takeIntoMailing(
        source,
        sql`${isOther} AND message_id <= (SELECT MAX(message_id) FROM ${firstDue(isOther, limit)})`,
      );
    },

    async fetchMessageIds({ announcementId, round, fromId }, toId, limit) {
      const table = round === 0 ? sql`push_message` : sql`push_retry`;
      const rows = await driver.all(
        sql`SELECT ${table}.message_id FROM ${round === 0 ? table : joinRetries(dialect)}
            WHERE ${table}.announcement_id = ${announcementId} AND ${table}.message_id >= ${fromId}
              ${toId === null ? sql`` : sql`AND ${table}.message_id <= ${toId}`}
              ${round === 0 ? sql`` : sql`AND ${isToSend(round)}`}
            GROUP BY ${table}.message_id ORDER BY ${table}.message_id LIMIT ${limit}`,
      );
      return rows.map((row) => readWhole(row, 'message_id'));
    },

    async fetchMessages(key, lastId) {
      return [...parseMessages(await fetchRows(isOfPage(dialect, key, lastId))).values()]
        .map(({ message }) => message)
        .toSorted((one, other) => one.messageId - other.messageId);
    },

    async fetchLedger(key, lastId) {
      return parseLedger(await fetchDeliveries(isOfPage(dialect, key, lastId)));
    },

    async claimMessages(messages, owner, leaseMs) {
      const claims: ClaimedMessage[] = [];
      for (const chunk of chunksOf(messages, bytesOf, maxBytes())) {
        claims.push(...(await claimChunk(chunk, owner, leaseMs)));
      }
      return claims;
    },

    async proveRecordingMessages(messageId) {
      // A hop's proof has the id of an announcement in the place of this one.
      const id = { messageId: Number.MAX_SAFE_INTEGER, deviceId: messageId };
      for (const proof of upsertProof(dialect, id, AT_ONCE.round)) await driver.tryOut(proof);
    },

    async extendMessageLeases(claims, leaseMs) {
      for (const statement of changeHeld(claims, sql`leased_until = ${nowPlus(leaseMs)}`)) {
        await driver.run(statement);
      }
    },

    async recordMessages(deliveries, givenBack) {
      const [first, ...rest] = [
        ...upsertDeliveries(dialect, AT_ONCE, deliveries),
        ...pruneDevices(dialect, AT_ONCE.announcementId, deliveries),
        ...relabelDevices(dialect, AT_ONCE.announcementId, deliveries),
        ...changeHeld(givenBack, sql`owner = NULL, leased_until = ${now}`),
      ];
      if (!first) return;
      if (rest.length === 0) await driver.run(first);
      else await driver.runTogether(first, ...rest);
    },
  };
}

/**
 * The condition that a message is of a page. In a retry round, few messages of the page's range are sent again, and only
 * those are read.
 */
function isOfPage(dialect: Dialect, { announcementId, round, fromId }: HopKey, lastId: number): Fragment {
  const isInRange = sql`
    push_message.announcement_id = ${announcementId} AND push_message.message_id BETWEEN ${fromId} AND ${lastId}`;
  if (round === 0) return isInRange;
  return sql`${isInRange} AND EXISTS (
    SELECT 1 FROM ${joinRetries(dialect)}
    WHERE push_retry.announcement_id = push_message.announcement_id
      AND push_retry.message_id = push_message.message_id AND ${isToSend(round)})`;
}

/** The ids of the first messages, as a table. */
function firstDue(isDue: Fragment, limit: number): Fragment {
  return sql`(SELECT message_id FROM push_message WHERE ${isDue} ORDER BY message_id LIMIT ${limit}) AS due`;
}
