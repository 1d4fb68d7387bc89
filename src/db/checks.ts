import * as z from 'zod';
import { CHECKS, MAX_CHECK_MS, NOTICE_LEVELS, type Notice, type StandingNotice } from '../model/notice.ts';
import { SIGNAL_KINDS, type Signal } from '../model/signal.ts';
import type { Checks } from '../store/checks.ts';
import { cut, fit, fits } from './columns.ts';
import { type Driver, hasEffect, type Row } from './driver.ts';
import { columnOrNull, makeColumnLookup } from './optional.ts';
import { MAX_ID, readFlag, readOptionalWhole, readOr, readText, readWhole, readWord } from './rows.ts';
import { fetchServer } from './server.ts';
import { type Fragment, sql } from './sql.ts';
import { toDay } from '../words.ts';

const MS_PER_DAY = 86_400_000;

/** How the names of runs begin that the doctor made before a broadcast; its id follows. */
const BEFORE_BROADCAST = 'doctor-';

/** How long a run that was made for one announcement is kept: until long after its start. */
const RUNS_KEPT_MS = 30 * MS_PER_DAY;

/** How long signals are kept: a little more than a year, so that the same day of the year before is there. */
const SIGNALS_KEPT_MS = 400 * MS_PER_DAY;

/** The days of one signal that are read at most. */
const MAX_DAYS = 100;

const contentSchema = z.object({
  says: z.string(),
  remedy: z.string(),
  dueOn: z.string().nullable(),
  source: z.string(),
});

/** The statements of push_check, push_notice and push_signal. */
export function makeChecks(driver: Driver): Checks {
  const { dialect } = driver;
  const { now, nowPlus, at, epochMs, keepExisting, onConflict, incoming } = dialect;

  const fetchNow = async (): Promise<number> => {
    const [row = {}] = await driver.all(sql`SELECT ${epochMs(now)} AS now_ms`);
    return readWhole(row, 'now_ms');
  };

  const selectNotices = sql`SELECT notice_id, check_name, name, level, content,
    ${epochMs(sql`found_at`)} AS found_ms, ${epochMs(sql`seen_at`)} AS seen_ms FROM push_notice`;

  const selectSignals = sql`SELECT
    ${dialect.name === 'mysql' ? sql`DATE_FORMAT(day, '%Y-%m-%d')` : sql`day`} AS day, kind, source, name, value, times,
    ${epochMs(sql`seen_at`)} AS seen_ms FROM push_signal`;

  const fetchColumns = makeColumnLookup(driver, 'push_announcement');
  /** A run that has not ended in time was killed: it counts no longer. */
  const isLately = (everyMs: number): Fragment =>
    sql`(ended_at > ${nowPlus(-everyMs)}
      OR (ended_at IS NULL AND started_at > ${nowPlus(-Math.min(everyMs, MAX_CHECK_MS))}))`;

  return {
    async fetchCheckPlan({ everyMs, aheadMs, againMs, limit }) {
      const partOf = columnOrNull('push_announcement', 'part_of', await fetchColumns());
      const run = sql`CONCAT(${BEFORE_BROADCAST}, COALESCE(${partOf}, announcement_id))`;
      const rows = await driver.all(
        sql`SELECT name FROM push_check WHERE name IN (${[...CHECKS]}) AND ${isLately(everyMs)}
            UNION ALL
            SELECT run AS name FROM (
              SELECT DISTINCT ${run} AS run FROM push_announcement
              WHERE status = 'scheduled' AND audience = 'devices' AND announcement_id <= ${MAX_ID}
                AND publish_at > ${now} AND publish_at <= ${nowPlus(aheadMs)}
                AND NOT EXISTS (
                  SELECT 1 FROM push_check WHERE push_check.name = ${run} AND started_at > ${nowPlus(-againMs)})
              LIMIT ${limit}) coming`,
      );
      const names = rows.map((row) => readText(row, 'name'));
      return {
        made: CHECKS.filter((check) => names.includes(check)),
        coming: names
          .filter((name) => name.startsWith(BEFORE_BROADCAST))
          .map((name) => Number(name.slice(BEFORE_BROADCAST.length))),
      };
    },

    async claimCheck(name, everyMs) {
      await driver.run(
        sql`INSERT INTO push_check (name, started_at) VALUES (${fit('check_name', name)}, ${at(0)})
            ${keepExisting(sql`name`)}`,
      );
      return hasEffect(
        driver,
        sql`UPDATE push_check SET started_at = ${now}, ended_at = NULL, ok = NULL
            WHERE name = ${name} AND NOT COALESCE(${isLately(everyMs)}, 0)`,
      );
    },

    async releaseCheck(name) {
      await driver.run(
        sql`UPDATE push_check SET started_at = ${at(0)} WHERE name = ${name} AND ended_at IS NULL`,
      );
    },

    async endCheck(name, ok) {
      await driver.run(
        sql`INSERT INTO push_check (name, started_at, ended_at, ok)
            VALUES (${fit('check_name', name)}, ${now}, ${now}, ${Number(ok)})
            ${onConflict(sql`name`)} ended_at = ${incoming(sql`ended_at`)}, ok = ${incoming(sql`ok`)}`,
      );
    },

    async fetchChecks() {
      const rows = await driver.all(
        sql`SELECT name, ${epochMs(sql`started_at`)} AS started_ms, ${epochMs(sql`ended_at`)} AS ended_ms, ok
            FROM push_check ORDER BY name`,
      );
      return rows.map((row) => ({
        name: readText(row, 'name'),
        startedAt: readWhole(row, 'started_ms'),
        endedAt: readOptionalWhole(row, 'ended_ms'),
        ok: row['ok'] === null ? null : readFlag(row, 'ok'),
      }));
    },

    async recordNotices(check, notices) {
      const found = keepMostUrgent(notices);
      // A notice that becomes less urgent stays the one that an alert was about.
      const isSame = found.map(({ name, level }) => sql`(name = ${name} AND level IN (${['red', level]}))`);
      const isKept =
        isSame.length === 0 ? sql`` : sql`AND NOT (${isSame.reduce((all, each) => sql`${all} OR ${each}`)})`;
      const inserts = found.map(({ name, level, ...content }) => {
        const row = [check, fit('notice_name', name), level, JSON.stringify(cutTexts(content)), now, now];
        return sql`INSERT INTO push_notice (check_name, name, level, content, found_at, seen_at) VALUES (${row})
            ${onConflict(sql`check_name, name`)} level = ${incoming(sql`level`)},
              content = ${incoming(sql`content`)}, seen_at = ${incoming(sql`seen_at`)}`;
      });
      await driver.runTogether(
        // Two runs that end at the same time wait for each other here.
        sql`INSERT INTO push_check (name, started_at, ended_at, ok) VALUES (${check}, ${at(0)}, ${at(0)}, 1)
            ${onConflict(sql`name`)} name = push_check.name`,
        sql`DELETE FROM push_notice WHERE check_name = ${check} ${isKept}`,
        ...inserts,
      );
    },

    async fetchNotices() {
      const rows = await driver.all(selectNotices);
      return parseNotices(rows).toSorted(byUrgency);
    },

    async fetchUnalertedNotices(checks, limit) {
      if (checks.length === 0) return [];
      const rows = await driver.all(
        sql`${selectNotices} WHERE check_name IN (${[...checks]}) AND NOT EXISTS (
              SELECT 1 FROM push_alert
              WHERE push_alert.announcement_id = 0 AND push_alert.kind = check_name AND cause = notice_id)
            ORDER BY notice_id LIMIT ${limit}`,
      );
      return parseNotices(rows);
    },

    async pruneChecks() {
      await driver.run(
        sql`DELETE FROM push_check WHERE name NOT IN (${[...CHECKS]}) AND started_at < ${nowPlus(-RUNS_KEPT_MS)}`,
      );
      const since = toDay((await fetchNow()) - SIGNALS_KEPT_MS);
      // The first day on which a key was seen is its age.
      await driver.run(sql`DELETE FROM push_signal WHERE day < ${since} AND kind <> 'key'`);
    },

    async recordSignals(signals) {
      if (signals.length === 0) return;
      const today = toDay(await fetchNow());
      for (const { kind, source, name, value, day = today, times = 1 } of signals) {
        const names = [kind, fit('source', source), fit('notice_name', name)];
        await driver.run(
          sql`INSERT INTO push_signal (day, kind, source, name, value, times, seen_at)
              VALUES (${[day, ...names, cut('why', value), times, now]})
              ${onConflict(sql`kind, source, name, day`)} value = ${incoming(sql`value`)},
                times = push_signal.times + ${incoming(sql`times`)}, seen_at = ${incoming(sql`seen_at`)}`,
        );
      }
    },

    async fetchSignals(kind, days) {
      const since = toDay((await fetchNow()) - (days - 1) * MS_PER_DAY);
      const rows = await driver.all(
        sql`${selectSignals} WHERE kind = ${kind} AND push_signal.day >= ${since}
            ORDER BY push_signal.day DESC, source, name`,
      );
      return rows.map(parseSignal);
    },

    async fetchSignalsOf({ kind, source, name }) {
      if (!fits('notice_name', name)) return [];
      const rows = await driver.all(
        sql`${selectSignals} WHERE kind = ${kind} AND source = ${source} AND name = ${name}
            ORDER BY push_signal.day DESC LIMIT ${MAX_DAYS}`,
      );
      return rows.map(parseSignal);
    },

    fetchServer: () => fetchServer(driver),
  };
}

/** Each check has one notice of a name: the more urgent one, if it has found two. */
function keepMostUrgent(notices: readonly Notice[]): Notice[] {
  const byName = new Map<string, Notice>();
  for (const notice of notices) {
    if (byName.get(notice.name)?.level !== 'red') byName.set(notice.name, notice);
  }
  return [...byName.values()];
}

/** Texts of other services may be long. */
function cutTexts({ says, remedy, dueOn, source }: Omit<Notice, 'name' | 'level'>) {
  return {
    says: cut('notice_text', says),
    remedy: cut('notice_text', remedy),
    dueOn,
    source: cut('notice_text', source),
  };
}

/** A notice that cannot be read is left out: the next run of its check writes it again. */
function parseNotices(rows: readonly Row[]): StandingNotice[] {
  return rows.flatMap((row) => readOr([], () => parseNotice(row), []));
}

function parseNotice(row: Row): StandingNotice[] {
  const content = contentSchema.safeParse(parseJson(readText(row, 'content'))).data;
  if (content === undefined) return [];
  return [
    {
      noticeId: readWhole(row, 'notice_id'),
      check: readWord(row, 'check_name', CHECKS),
      name: readText(row, 'name'),
      level: readWord(row, 'level', NOTICE_LEVELS),
      ...content,
      foundAt: readWhole(row, 'found_ms'),
      seenAt: readWhole(row, 'seen_ms'),
    },
  ];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function byUrgency(one: StandingNotice, other: StandingNotice): number {
  const levels = NOTICE_LEVELS.indexOf(other.level) - NOTICE_LEVELS.indexOf(one.level);
  const [due, otherDue] = [one.dueOn ?? '', other.dueOn ?? ''];
  if (levels !== 0) return levels;
  return due === otherDue ? one.noticeId - other.noticeId : due < otherDue ? -1 : 1;
}

function parseSignal(row: Row): Signal {
  return {
    day: readText(row, 'day'),
    kind: readWord(row, 'kind', SIGNAL_KINDS),
    source: readText(row, 'source'),
    name: readText(row, 'name'),
    value: readText(row, 'value'),
    times: readWhole(row, 'times'),
    seenAt: readWhole(row, 'seen_ms'),
  };
}
