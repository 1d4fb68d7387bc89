import type { Store } from '../store.ts';
import type { Driver, Statement } from './driver.ts';
import { readWhole } from './rows.ts';

type BudgetStore = Pick<Store, 'fetchBudget' | 'reserveBudget' | 'brakeBudget' | 'endOutage'>;

/** The statements of the budget: each changes the source's row only as it was read, by its version. */
export function makeBudgetStore(driver: Driver): BudgetStore {
  const { now, nowPlusMs, msUntil, later, plusMs, atMs, insertIgnore, onConflict, incoming } = driver.dialect;

  return {
    async fetchBudget(source, announcementId) {
      const sql = `SELECT version, urgent_ms, brakes, outages, ${msUntil('taken_until')} AS free_in_ms,
                     ${msUntil('urgent_until')} AS urgent_in_ms, ${msUntil('ramp_from')} AS ramp_in_ms,
                     ${msUntil('braked_until')} AS brake_ms, COALESCE(${msUntil('opens_at')}, 0) AS turn_in_ms
                   FROM push_budget LEFT JOIN push_turn
                     ON push_turn.source = push_budget.source AND push_turn.announcement_id = ?
                   WHERE push_budget.source = ?`;
      let [row] = await driver.all(sql, [announcementId, source]);
      if (!row) {
        // A source that has never sent has been idle for as long as one likes.
        await driver.run(
          `${insertIgnore} INTO push_budget (source, taken_until, urgent_until, ramp_from, braked_until)
           VALUES (?, ${atMs}, ${atMs}, ${atMs}, ${atMs})`,
          [source, 0, 0, 0, 0],
        );
        [row = {}] = await driver.all(sql, [announcementId, source]);
      }
      return {
        version: readWhole(row, 'version'),
        freeInMs: readWhole(row, 'free_in_ms'),
        urgentInMs: readWhole(row, 'urgent_in_ms'),
        urgentMs: readWhole(row, 'urgent_ms'),
        rampAgeMs: -readWhole(row, 'ramp_in_ms'),
        brakeMs: readWhole(row, 'brake_ms'),
        brakes: readWhole(row, 'brakes'),
        outages: readWhole(row, 'outages'),
        turnInMs: readWhole(row, 'turn_in_ms'),
      };
    },

    reserveBudget(source, version, { takenMs, startsRamp, isUrgent, turn }) {
      const urgent = `urgent_ms = urgent_ms + ?, urgent_until = ${plusMs(later('urgent_until', now))},`;
      const reserve: Statement = {
        sql: `UPDATE push_budget SET version = version + 1, ${startsRamp ? `ramp_from = ${now},` : ''}
                ${isUrgent ? urgent : ''} taken_until = ${plusMs(later('taken_until', now))}
              WHERE source = ? AND version = ?`,
        values: [...(isUrgent ? [takenMs, takenMs] : []), takenMs, source, version],
      };
      if (turn === null) return driver.runTogether(reserve);
      const takeTurn: Statement = {
        sql: `INSERT INTO push_turn (source, announcement_id, opens_at) VALUES (?, ?, ${nowPlusMs})
              ${onConflict('source, announcement_id')} opens_at = ${incoming('opens_at')}`,
        values: [source, turn.announcementId, turn.opensInMs],
      };
      return driver.runTogether(reserve, takeTurn);
    },

    brakeBudget(source, version, { pauseMs, rampAgeMs, reason, outages }) {
      return driver.runTogether(
        {
          sql: `UPDATE push_budget SET version = version + 1, brakes = brakes + 1, ramp_from = ${nowPlusMs},
                  taken_until = ${nowPlusMs}, urgent_until = ${nowPlusMs}, braked_until = ${nowPlusMs},
                  brake_reason = ?, outages = ?
                WHERE source = ? AND version = ?`,
          values: [pauseMs - rampAgeMs, pauseMs, pauseMs, pauseMs, reason, outages, source, version],
        },
        { sql: 'DELETE FROM push_turn WHERE source = ?', values: [source] },
      );
    },

    async endOutage(source) {
      await driver.run('UPDATE push_budget SET outages = 0, version = version + 1 WHERE source = ?', [
        source,
      ]);
    },
  };
}
