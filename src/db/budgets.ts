import type { Budget } from '../model/budget.ts';
import type { Budgets } from '../store.ts';
import { insertAudit } from './audits.ts';
import { cut, fit } from './columns.ts';
import { type Driver, hasEffect } from './driver.ts';
import { readText, readWhole } from './rows.ts';
import { type Fragment, sql } from './sql.ts';

/** Two clocks count the milliseconds of a slot, the database's and the machine's, and each rounds. */
const CLOCK_ROUNDING_MS = 2;

/** The version of a budget that has no row yet. */
const NO_ROW = -1;

/** The statements of push_budget and push_turn. Each changes the source's row only if its version is still the one that was read. */
export function makeBudgets(driver: Driver): Budgets {
  const { now, nowPlus, at, plus, later, msUntil, keepExisting, onConflict, incoming } = driver.dialect;

  /** A source gets its row with the first change, so that a caller that only looks writes nothing. Resolves to the version to change. */
  const openRow = async (source: string, version: number): Promise<number> => {
    if (version !== NO_ROW) return version;
    // All times long past: a source that has never sent is idle.
    const past = at(0);
    await driver.run(
      sql`INSERT INTO push_budget (source, taken_until, urgent_until, ramp_from, braked_until)
          VALUES (${fit('source', source)}, ${past}, ${past}, ${past}, ${past}) ${keepExisting(sql`source`)}`,
    );
    return 0;
  };

  return {
    async fetchBudget(source, announcementId) {
      const select = sql`
        SELECT version, urgent_ms, brakes, outages,
          ${msUntil(sql`taken_until`)} AS free_in_ms, ${msUntil(sql`urgent_until`)} AS urgent_in_ms,
          ${msUntil(sql`COALESCE(spread_until, taken_until)`)} AS spread_in_ms, answer_ms,
          ${msUntil(sql`ramp_from`)} AS ramp_in_ms, ${msUntil(sql`braked_until`)} AS brake_ms,
          COALESCE(${msUntil(sql`opens_at`)}, 0) AS turn_in_ms
        FROM push_budget LEFT JOIN push_turn
          ON push_turn.source = push_budget.source AND push_turn.announcement_id = ${announcementId}
        WHERE push_budget.source = ${source}`;
      const [row] = await driver.all(select);
      if (!row) return fetchIdle(driver);
      return {
        version: readWhole(row, 'version'),
        freeInMs: readWhole(row, 'free_in_ms'),
        spreadInMs: readWhole(row, 'spread_in_ms'),
        urgentInMs: readWhole(row, 'urgent_in_ms'),
        urgentMs: readWhole(row, 'urgent_ms'),
        rampAgeMs: -readWhole(row, 'ramp_in_ms'),
        brakeMs: readWhole(row, 'brake_ms'),
        brakes: readWhole(row, 'brakes'),
        outages: readWhole(row, 'outages'),
        turnInMs: readWhole(row, 'turn_in_ms'),
        answerMs: readWhole(row, 'answer_ms'),
      };
    },

    async reserveBudget(source, known, { takenMs, gapMs, spreadMs, startsRamp, isUrgent, turn }) {
      const version = await openRow(source, known);
      const startRamp = startsRamp ? sql`ramp_from = ${now},` : sql``;
      const reserveUrgent = isUrgent
        ? sql`urgent_ms = urgent_ms + ${takenMs}, urgent_until = ${plus(later(sql`urgent_until`, now), takenMs)},`
        : sql``;
      const opening = plus(later(sql`taken_until`, now), gapMs);
      // What is urgent delays everything that is reserved; a page goes behind it. First: MySQL assigns from left to right.
      const spread = isUrgent
        ? sql`spread_until = ${plus(sql`spread_until`, takenMs)},`
        : sql`spread_until = ${later(sql`COALESCE(spread_until, taken_until)`, plus(opening, spreadMs))},`;
      const reserve = sql`
        UPDATE push_budget SET version = version + 1, ${startRamp} ${reserveUrgent} ${spread}
          taken_until = ${plus(opening, takenMs)}
        WHERE source = ${source} AND version = ${version}`;
      if (turn === null) return driver.runTogether(reserve);
      return driver.runTogether(
        reserve,
        sql`INSERT INTO push_turn (source, announcement_id, opens_at)
            VALUES (${source}, ${turn.announcementId}, ${nowPlus(turn.opensInMs)})
            ${onConflict(sql`source, announcement_id`)} opens_at = ${incoming(sql`opens_at`)}`,
      );
    },

    async brakeBudget(source, known, { pauseMs, rampAgeMs, reason, outages }) {
      const version = await openRow(source, known);
      const end = nowPlus(pauseMs);
      const action = outages > 0 ? 'outage' : 'throttled';
      const why = `${reason} for ${Math.ceil(pauseMs / 1000)} s`;
      return driver.runTogether(
        sql`UPDATE push_budget SET version = version + 1, brakes = brakes + 1,
              ramp_from = ${nowPlus(pauseMs - rampAgeMs)},
              taken_until = ${end}, spread_until = ${end}, urgent_until = ${end}, braked_until = ${end},
              brake_reason = ${cut('brake_reason', reason)}, outages = ${outages}
            WHERE source = ${source} AND version = ${version}`,
        sql`DELETE FROM push_turn WHERE source = ${source}`,
        insertAudit(driver.dialect, { announcementId: null, source, actor: 'baton', action, why }),
      );
    },

    async returnBudget(source, { ms, endsInMs, brakes }) {
      const back = (until: Fragment): Fragment => later(plus(until, -ms), now);
      await driver.run(
        sql`UPDATE push_budget SET version = version + 1,
              spread_until = ${back(sql`spread_until`)}, taken_until = ${back(sql`taken_until`)}
            WHERE source = ${source} AND brakes = ${brakes} AND taken_until > ${now}
              AND taken_until <= ${nowPlus(endsInMs + CLOCK_ROUNDING_MS)}`,
      );
    },

    async recordAnswerTime(source, answerMs) {
      // Each hop counts an eighth.
      const count = sql`
        UPDATE push_budget
        SET answer_ms = CASE WHEN answer_ms = 0 THEN ${answerMs}
          ELSE CAST((7 * answer_ms + ${answerMs}) / 8 AS SIGNED INTEGER) END
        WHERE source = ${source}`;
      if (await hasEffect(driver, count)) return;
      await openRow(source, NO_ROW);
      await driver.run(count);
    },

    async endOutage(source) {
      await driver.runTogether(
        sql`UPDATE push_budget SET outages = 0, version = version + 1 WHERE source = ${source} AND outages > 0`,
        insertAudit(driver.dialect, {
          announcementId: null,
          source,
          actor: 'baton',
          action: 'outage over',
          why: null,
        }),
      );
    },
  };
}

/** The budget of a source that has never sent. */
async function fetchIdle(driver: Driver): Promise<Budget> {
  const { at, msUntil } = driver.dialect;
  const [row = {}] = await driver.all(sql`SELECT ${msUntil(at(0))} AS past_ms`);
  const pastMs = readWhole(row, 'past_ms');
  return {
    version: NO_ROW,
    freeInMs: pastMs,
    spreadInMs: pastMs,
    urgentInMs: pastMs,
    urgentMs: 0,
    rampAgeMs: -pastMs,
    brakeMs: pastMs,
    brakes: 0,
    outages: 0,
    turnInMs: 0,
    answerMs: 0,
  };
}

/** FCM's mean time to an answer in milliseconds, by source, where it has been measured. */
export async function fetchAnswerMs(driver: Driver): Promise<Map<string, number>> {
  const rows = await driver.all(sql`SELECT source, answer_ms FROM push_budget WHERE answer_ms > 0`);
  return new Map(rows.map((row) => [readText(row, 'source'), readWhole(row, 'answer_ms')]));
}
