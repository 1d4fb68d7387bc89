import type { Overviews } from '../store/overviews.ts';
import { parseSummary, selectSummaries } from './announcement-rows.ts';
import type { Driver } from './driver.ts';
import { makeColumnLookup } from './optional.ts';
import { readOptionalText, readOr, readText, readWhole } from './rows.ts';
import { bothColumns, JOIN_SNAPSHOT, splitSnapshot } from './snapshot.ts';
import { sql } from './sql.ts';

/** The statements of the dashboard. None changes anything. */
export function makeOverviews(driver: Driver): Overviews {
  const { msUntil } = driver.dialect;
  const fetchColumns = makeColumnLookup(driver, 'push_announcement');
  // No job can name a larger id: see failUnnameable.
  const select = sql`${selectSummaries(driver.dialect)} WHERE announcement_id <= ${Number.MAX_SAFE_INTEGER}`;

  return {
    async fetchCurrent(limit) {
      const rows = await driver.all(
        sql`${select} AND status IN ('running', 'paused') ORDER BY announcement_id DESC LIMIT ${limit}`,
      );
      return rows.map(parseSummary);
    },

    async fetchSchedule(limit) {
      const rows = await driver.all(
        sql`${select} AND status = 'scheduled' ORDER BY publish_at, announcement_id LIMIT ${limit}`,
      );
      return rows.map(parseSummary);
    },

    async fetchEdited(announcementIds) {
      if (announcementIds.length === 0) return new Map();
      const columns = await fetchColumns();
      const rows = await driver.all(
        sql`SELECT push_announcement.announcement_id, ${bothColumns(columns)}
            FROM ${JOIN_SNAPSHOT}
            WHERE push_announcement.announcement_id IN (${announcementIds}) AND push_snapshot.announcement_id IS NOT NULL`,
      );
      const edited = rows.map(
        (row) => [readWhole(row, 'announcement_id'), splitSnapshot(row).edited] as const,
      );
      return new Map(edited.filter(([, names]) => names.length > 0));
    },

    async fetchSourceBudgets() {
      const rows = await driver.all(
        sql`SELECT source, brake_reason, outages, answer_ms, ${msUntil(sql`taken_until`)} AS free_in_ms,
              ${msUntil(sql`ramp_from`)} AS ramp_in_ms, ${msUntil(sql`braked_until`)} AS brake_ms
            FROM push_budget`,
      );
      return rows.map((row) => ({
        source: readText(row, 'source'),
        brakeReason: readOr([], () => readOptionalText(row, 'brake_reason'), null),
        outages: readWhole(row, 'outages'),
        answerMs: readWhole(row, 'answer_ms'),
        freeInMs: readWhole(row, 'free_in_ms'),
        rampAgeMs: -readWhole(row, 'ramp_in_ms'),
        brakeMs: readWhole(row, 'brake_ms'),
      }));
    },

    async countDevicesByState() {
      const [row = {}] = await driver.all(
        sql`SELECT COUNT(*) AS devices, COUNT(unregistered_at) AS unregistered FROM push_device`,
      );
      const unregistered = readWhole(row, 'unregistered');
      return { active: readWhole(row, 'devices') - unregistered, unregistered };
    },
  };
}
