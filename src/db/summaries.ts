import * as z from 'zod';
import { type Counts, countVerdicts, VERDICTS } from '../model/delivery.ts';
import {
  addReasons,
  type HopSummary,
  type HopWork,
  NO_WORK,
  type Reasons,
  type Totals,
} from '../model/summary.ts';
import type { Summaries } from '../store/summaries.ts';
import type { Driver, Row } from './driver.ts';
import { readFlag, readOptionalText, readOptionalWhole, readWhole } from './rows.ts';
import { type Fragment, sql } from './sql.ts';

const count = z.number();
const reasonsSchema = z.record(z.string(), z.object({ pushes: count, firstAt: count, lastAt: count }));
const workSchema = z.object({
  waitMs: count,
  readMs: count,
  sendMs: count,
  recordMs: count,
  sent: count,
  answers: z.array(count),
  reasons: reasonsSchema,
});

/** The statements that read what hops have done. Baton alone writes these columns, with what it writes anyway. */
export function makeSummaries(driver: Driver): Summaries {
  const { epochMs, now } = driver.dialect;
  const verdictColumns: Fragment = { sql: VERDICTS.join(', '), values: [] };
  const verdictSums: Fragment = {
    sql: VERDICTS.map((verdict) => `COALESCE(SUM(${verdict}), 0) AS ${verdict}`).join(', '),
    values: [],
  };

  return {
    async fetchHopSummaries(announcementId) {
      const rows = await driver.all(
        sql`SELECT announcement_id, round, from_id, last_id, next_id, ${epochMs(sql`planted_at`)} AS planted_ms,
              ${epochMs(sql`claimed_at`)} AS claimed_ms, ${epochMs(sql`opened_at`)} AS opened_ms,
              ${epochMs(sql`closed_at`)} AS closed_ms, ${epochMs(sql`lease_until`)} AS lease_ms,
              CASE WHEN owner > '' AND closed_at IS NULL AND lease_until >= ${now} THEN 1 ELSE 0 END AS is_held,
              woken, taken_over, given_back, back_reason, devices, ${verdictColumns}, work, late_reasons
            FROM push_hop WHERE announcement_id = ${announcementId} ORDER BY round, from_id`,
      );
      return rows.map(parseHopSummary);
    },

    async fetchTotals(announcementIds) {
      if (announcementIds.length === 0) return new Map();
      const sums = await driver.all(
        sql`SELECT announcement_id, ${verdictSums}, COUNT(*) AS hops, COUNT(closed_at) AS closed,
              COALESCE(SUM(CASE WHEN round = 0 THEN devices ELSE 0 END), 0) AS page_devices,
              COALESCE(SUM(CASE WHEN round = 0 AND last_id IS NULL THEN 1 ELSE 0 END), 0) AS unread,
              COALESCE(SUM(CASE WHEN last_id IS NOT NULL AND devices IS NULL THEN 1 ELSE 0 END), 0) AS uncounted
            FROM push_hop WHERE announcement_id IN (${[...announcementIds]}) GROUP BY announcement_id`,
      );
      const audiences = await driver.all(
        sql`SELECT announcement_id, devices, last_id, ${epochMs(sql`counted_at`)} AS counted_ms,
              ${epochMs(sql`pruned_at`)} AS pruned_ms
            FROM push_audience WHERE announcement_id IN (${[...announcementIds]})`,
      );
      const [sumOf, audienceOf] = [byId(sums, (row) => row), byId(audiences, parseAudience)];
      return new Map(
        announcementIds.map((id) => [id, parseTotals(id, sumOf.get(id), audienceOf.get(id) ?? null)]),
      );
    },
  };
}

function byId<T>(rows: readonly Row[], parse: (row: Row) => T): Map<number, T> {
  return new Map(rows.map((row) => [readWhole(row, 'announcement_id'), parse(row)]));
}

function parseTotals(announcementId: number, row: Row | undefined, audience: Totals['audience']): Totals {
  if (!row) {
    const hops = { open: 0, closed: 0 };
    return {
      announcementId,
      audience,
      read: 0,
      isRead: false,
      counts: countVerdicts([]),
      hops,
      isCounted: true,
    };
  }
  const closed = readSum(row, 'closed');
  return {
    announcementId,
    audience,
    read: readSum(row, 'page_devices'),
    isRead: readSum(row, 'unread') === 0,
    counts: readCounts(row),
    hops: { open: readSum(row, 'hops') - closed, closed },
    isCounted: readSum(row, 'uncounted') === 0,
  };
}

function parseAudience(row: Row): NonNullable<Totals['audience']> {
  return {
    devices: readWhole(row, 'devices'),
    lastId: readOptionalWhole(row, 'last_id'),
    countedAt: readWhole(row, 'counted_ms'),
    prunedAt: readOptionalWhole(row, 'pruned_ms'),
  };
}

function parseHopSummary(row: Row): HopSummary {
  const work = parseWork(row['work']) ?? NO_WORK;
  return {
    announcementId: readWhole(row, 'announcement_id'),
    round: readWhole(row, 'round'),
    fromId: readWhole(row, 'from_id'),
    lastId: readOptionalWhole(row, 'last_id'),
    nextId: readOptionalWhole(row, 'next_id'),
    plantedAt: readWhole(row, 'planted_ms'),
    claimedAt: readOptionalWhole(row, 'claimed_ms'),
    openedAt: readOptionalWhole(row, 'opened_ms'),
    closedAt: readOptionalWhole(row, 'closed_ms'),
    leaseUntil: readWhole(row, 'lease_ms'),
    isHeld: readFlag(row, 'is_held'),
    woken: readWhole(row, 'woken'),
    takenOver: readWhole(row, 'taken_over'),
    givenBack: readWhole(row, 'given_back'),
    backReason: readOptionalText(row, 'back_reason'),
    devices: readOptionalWhole(row, 'devices'),
    counts: readCounts(row),
    work: { ...work, reasons: addReasons(work.reasons, parseReasons(row['late_reasons'])) },
  };
}

function readCounts(row: Row): Counts {
  return Object.fromEntries(VERDICTS.map((verdict) => [verdict, readSum(row, verdict)])) as Counts;
}

/** MySQL's sums are decimals, which its driver gives as text. */
function readSum(row: Row, column: string): number {
  const value = row[column];
  return readWhole({ [column]: typeof value === 'string' ? Number(value) : value }, column);
}

/** `parseWork` reads the column `work`; undefined without work, or with what is none. */
export function parseWork(text: unknown): HopWork | undefined {
  return parseJson(workSchema, text);
}

/** `parseReasons` reads the column `late_reasons`; what holds none has none. */
export function parseReasons(text: unknown): Reasons {
  return parseJson(reasonsSchema, text) ?? {};
}

function parseJson<T>(schema: z.ZodType<T>, text: unknown): T | undefined {
  if (typeof text !== 'string') return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
