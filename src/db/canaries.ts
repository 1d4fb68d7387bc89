import { JUDGED, type Canary, type CanaryPush, ROUND_PREFIX } from '../model/canary.ts';
import { type Verdict, VERDICTS } from '../model/delivery.ts';
import { PLATFORMS, type Platform } from '../model/filter.ts';
import type { Canaries } from '../store/canaries.ts';
import { cut, fit, fits } from './columns.ts';
import { DEVICE_COLUMNS, parseDevice } from './device-pages.ts';
import type { Driver, Row } from './driver.ts';
import { insertIfNew } from './insert.ts';
import { literalBytesOf } from './literals.ts';
import { columnOrNull, makeColumnLookup } from './optional.ts';
import {
  readOptionalText,
  readOptionalTime,
  readOptionalWhole,
  readOr,
  readText,
  readWhole,
  readWord,
} from './rows.ts';
import { chunksOf, sql } from './sql.ts';

/** How far back the tick looks: a push that is older is judged with the next round. */
const MAX_NEWS_AGE_MS = 90_000_000;

/** A receipt that was under way while the check was judged is looked at again. */
const MARGIN_MS = 30_000;

/** The statements of push_canary, and of the devices that are canaries. */
export function makeCanaries(driver: Driver): Canaries {
  const { dialect } = driver;
  const { now, nowPlus, plus, at, msUntil, epochMs, isOneOf, maxBytes } = dialect;
  const fetchColumns = makeColumnLookup(driver, 'push_device');

  return {
    async fetchCanaries(limit) {
      const columns = await fetchColumns();
      if (!columns.has('is_canary')) return [];
      const platform = columnOrNull('push_device', 'platform', columns);
      const rows = await driver.all(
        sql`SELECT ${DEVICE_COLUMNS}, ${platform} AS platform, ${epochMs(sql`unregistered_at`)} AS unregistered_ms
            FROM push_device WHERE is_canary = 1 ORDER BY device_id LIMIT ${limit}`,
      );
      return rows.map(parseCanary);
    },

    claimCanary: (round, deviceId) =>
      insertIfNew(
        driver,
        sql`INSERT INTO push_canary (round, device_id, sent_at)
            VALUES (${[fit('canary_round', round), deviceId, now]})`,
      ),

    async recordCanaries(round, outcomes) {
      const alike = Map.groupBy(outcomes, ({ verdict, reason }) => `${verdict} ${reason}`);
      for (const group of alike.values()) {
        const [{ verdict, reason } = { verdict: null, reason: null }] = group;
        await driver.run(
          sql`UPDATE push_canary SET verdict = ${verdict}, reason = ${cut('reason', reason)}
              WHERE round = ${round} AND device_id IN (${group.map(({ deviceId }) => deviceId)})`,
        );
      }
    },

    async answerCanaries(answers) {
      const sound = answers.filter(
        ({ round, target }) =>
          round.startsWith(ROUND_PREFIX) && fits('canary_round', round) && fits('target', target),
      );
      const targets = [...new Set(sound.map(({ target }) => target))];
      if (targets.length === 0 || !(await fetchColumns()).has('is_canary')) return;
      const idOf = new Map<string, number>();
      for (const some of chunksOf(targets, (target) => 2 * literalBytesOf(target), maxBytes())) {
        const rows = await driver.all(
          sql`SELECT device_id, target FROM push_device WHERE ${isOneOf(sql`target`, some)} AND is_canary = 1`,
        );
        for (const row of rows) idOf.set(readText(row, 'target'), readWhole(row, 'device_id'));
      }
      const isAnswered = sound.flatMap(({ round, target }) => {
        const deviceId = idOf.get(target);
        return deviceId === undefined ? [] : sql`(round = ${round} AND device_id = ${deviceId})`;
      });
      if (isAnswered.length === 0) return;
      const isOneOfThem = isAnswered.reduce((all, each) => sql`${all} OR ${each}`);
      await driver.run(
        sql`UPDATE push_canary SET answered_at = ${now} WHERE (${isOneOfThem}) AND answered_at IS NULL`,
      );
    },

    async fetchCanaryPushes(ageMs, limit) {
      const rows = await driver.all(
        sql`SELECT round, device_id, ${epochMs(sql`sent_at`)} AS sent_ms, ${msUntil(sql`sent_at`)} AS until_ms,
              verdict, reason, ${epochMs(sql`answered_at`)} AS answered_ms
            FROM push_canary WHERE sent_at >= ${nowPlus(-ageMs)} ORDER BY sent_at DESC, device_id LIMIT ${limit}`,
      );
      return rows.map(parsePush);
    },

    async hasCanaryNews(withinMs) {
      const judgedAt = sql`COALESCE(ended_at, ${at(0)})`;
      const rows = await driver.all(
        sql`SELECT 1 AS news FROM push_canary LEFT JOIN push_check ON name = ${JUDGED}
            WHERE sent_at >= ${nowPlus(-MAX_NEWS_AGE_MS)} AND (
              ${plus(sql`answered_at`, MARGIN_MS)} > ${judgedAt}
              OR (sent_at <= ${nowPlus(-withinMs)} AND ${plus(sql`sent_at`, withinMs + MARGIN_MS)} > ${judgedAt}))
            LIMIT 1`,
      );
      return rows.length > 0;
    },

    async pruneCanaries(ageMs) {
      await driver.run(sql`DELETE FROM push_canary WHERE sent_at < ${nowPlus(-ageMs)}`);
    },
  };
}

function parseCanary(row: Row): Canary {
  return {
    ...parseDevice(row),
    platform: readOr<Platform | null>([], () => readWord(row, 'platform', PLATFORMS), null),
    unregisteredAt: readOr<number | null>([], () => readOptionalTime(row, 'unregistered_ms'), null),
  };
}

function parsePush(row: Row): CanaryPush {
  return {
    round: readText(row, 'round'),
    deviceId: readWhole(row, 'device_id'),
    sentAt: readWhole(row, 'sent_ms'),
    ageMs: -readWhole(row, 'until_ms'),
    verdict: readOr<Verdict | null>([], () => readWord(row, 'verdict', VERDICTS), null),
    reason: readOptionalText(row, 'reason'),
    answeredAt: readOptionalWhole(row, 'answered_ms'),
  };
}
