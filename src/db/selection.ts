import { PushError } from '../errors.ts';
import { isViewNamed } from '../model/audience-views.ts';
import type { DeviceFilter } from '../model/filter.ts';
import type { Dialect, Driver, TablesAndCondition } from './driver.ts';
import { fetchAppVersions } from './app-versions.ts';
import {
  FILTER_COLUMNS,
  followLead,
  type Lead,
  listConditions,
  listLeads,
  type OwnView,
  type Search,
} from './filter.ts';
import { makeColumnLookup } from './optional.ts';
import { readOptionalWhole, readWhole } from './rows.ts';
import { selectSample } from './sample.ts';
import { chunksOf, type Fragment, sql, type Statement } from './sql.ts';

/*
 * The devices of an audience are found in one of three ways.
 * - By the primary key: all pages together read each device once. This is for audiences that are large, or that no index
 *   finds, such as the devices that were seen lately.
 * - By an index that finds few devices, such as the one on tags: a page takes the next ids from it, and reads only those
 *   devices. The index may have the ids in another order; then each page reads all of them, so that it does not pay for many.
 * - By arithmetic: the ids of a small sample.
 * The answer is the same; only the work differs.
 */

/** The ids that an index or arithmetic may find, at most: pages of 3000 read as much by the primary key with a million devices. */
const MAX_LED = 50_000;

/** An index that finds more than this share of the devices saves nothing. */
const MAX_LED_SHARE = 0.25;

/** The number of readings until the ids that an index finds are counted anew. */
const READINGS_PER_COUNT = 50;

/** Filters whose lead is remembered, at most. */
const MAX_REMEMBERED = 100;

/** Member ids in one statement: SQLite takes 32,766 values, and the other fields of a filter have some as well. */
const MAX_MEMBERS = 10_000;

/** A range of device ids, both ends included; null: no end. */
export interface Range {
  readonly fromId: number;
  readonly toId: number | null;
  /** Only these, few of them; absent: all. */
  readonly ids?: readonly number[];
}

/** The tables and the condition that select devices of push_device. */
export interface Selected extends TablesAndCondition {
  /** True: it may select a device twice. */
  readonly mayRepeat?: boolean;
}

/** How the devices of a filter are read. */
export interface Reading {
  /** All devices in the range; no two parts have one in common. */
  readonly parts: () => readonly Selected[];
  /** What is counted instead of the parts, if that is less work. */
  readonly counted?: () => readonly Selected[];
  /** The same in steps; null: the parts are read in the order of ids anyway. */
  readonly led: Led | null;
}

/** Ids that an index or arithmetic finds, and what else has to hold for their devices. */
export interface Led {
  /** The lowest ids from `fromId` on, in order; fewer than `limit` if there are no more. */
  readonly fetchIds: (fromId: number, limit: number) => Promise<readonly number[]>;
  readonly conditions: Fragment;
}

export type Select = (filter: DeviceFilter, range: Range) => Promise<Reading>;

/** `makeSelect` makes a function that selects the devices of a filter. `views` are the patterns of AUDIENCE_VIEWS. */
export function makeSelect(driver: Driver, views: readonly string[]): Select {
  const { dialect } = driver;
  const fetchDeviceColumns = makeColumnLookup(driver, 'push_device');
  const leads = new Map<string, { readonly lead: Lead | null; readings: number }>();
  let hasOwnTable = false;

  /** Null: no index finds them. The view of a team's own may lack the index, and be read as a whole for each step. */
  const findVersions = async ({ appVersion }: DeviceFilter): Promise<readonly string[] | null> => {
    hasOwnTable ||= await driver.hasTable('push_device');
    return hasOwnTable && appVersion ? fetchAppVersions(driver, appVersion) : null;
  };

  const findView = async ({ view }: DeviceFilter): Promise<OwnView | null> => {
    if (view === undefined) return null;
    if (!isViewNamed(views, view)) {
      throw wrongFilter('filter.view', 'a table or view that AUDIENCE_VIEWS names', view);
    }
    // Each time: a team may create its view again with the other column.
    return fetchOwnView(driver, view);
  };

  /** Null: no index finds few. */
  const chooseLead = async (filter: DeviceFilter, view: OwnView | null): Promise<Lead | null> => {
    const candidates = listLeads(filter);
    const [first] = candidates;
    // Member ids are never many; and to count what only one device has is more work than to read it.
    if (first === undefined || first.field === 'memberIds') return first ?? null;
    const { tags, isTest, timeZone, locale, appVersion } = filter;
    const name = JSON.stringify([tags, isTest, timeZone, locale, filter.view, appVersion]);
    const known = leads.get(name);
    if (known && known.readings < READINGS_PER_COUNT) {
      known.readings++;
      return known.lead;
    }
    let chosen: Lead | null = null;
    // The last id is never less than the number of devices.
    const [last = {}] = await driver.all(sql`SELECT MAX(device_id) AS last_id FROM push_device`);
    const share = Math.ceil(MAX_LED_SHARE * (readOptionalWhole(last, 'last_id') ?? 0));
    let fewest = Math.min(MAX_LED, share) + 1;
    for (const lead of candidates) {
      const versions = lead.field === 'appVersion' ? await findVersions(filter) : [];
      if (versions === null) continue;
      const searches = followLead({ dialect, view, versions }, filter, lead).map(
        ({ from, where, countedFrom = from }) => sql`SELECT 1 FROM ${countedFrom} WHERE ${where}`,
      );
      const [row = {}] = await driver.all(
        sql`SELECT COUNT(*) AS ids FROM (${join(searches, ' UNION ALL ')} LIMIT ${fewest}) AS counted`,
      );
      const ids = readWhole(row, 'ids');
      if (ids < fewest) [chosen, fewest] = [lead, Math.max(1, ids)];
    }
    if (leads.size >= MAX_REMEMBERED) leads.clear();
    leads.set(name, { lead: chosen, readings: 0 });
    return chosen;
  };

  return async (filter, range) => {
    const columns = await fetchDeviceColumns();
    for (const [field, column] of FILTER_COLUMNS) {
      if (filter[field] !== undefined && !columns.has(column)) {
        const got = 'a view without it: create the view again with this column';
        throw wrongFilter(`push_device.${column}`, `a column, for the filter ${field}`, got);
      }
    }
    const view = await findView(filter);
    // The ids find the devices, but member ids are no condition of their own.
    const found = range.ids === undefined || filter.memberIds ? await chooseLead(filter, view) : null;
    const versions = found?.field === 'appVersion' ? await findVersions(filter) : [];
    const lead = versions === null ? null : found;
    const words = { dialect, view, versions: versions ?? [] };
    const isInRange = (id: Fragment, fromId = range.fromId): Fragment =>
      range.toId === null ? sql`${id} >= ${fromId}` : sql`${id} BETWEEN ${fromId} AND ${range.toId}`;
    const isListed = range.ids ? [dialect.isOneOfIds(sql`push_device.device_id`, range.ids)] : [];
    const conditions = join(
      [...isListed, ...listConditions(words, filter, lead)].map((condition) => sql`AND ${condition}`),
      ' ',
    );
    if (lead === null && range.ids === undefined) {
      const sample = await selectSample(driver, { filter, range, conditions, maxIds: MAX_LED });
      if (sample !== null) return sample;
    }
    const where = sql`${isInRange(sql`push_device.device_id`)} ${conditions}`;
    if (lead === null) return { parts: () => [{ from: sql`push_device`, where }], led: null };
    const searches = divide(filter, lead, dialect).map((part) => followLead(words, part, lead));
    const selectIds = (
      { id, from, where: isFound }: Search,
      { isDistinct, fromId }: { readonly isDistinct: boolean; readonly fromId?: number },
    ): Statement => sql`
      SELECT ${isDistinct ? sql`DISTINCT` : sql``} ${id} AS device_id FROM ${from}
      WHERE ${isInRange(id, fromId)} AND ${isFound}`;
    const selectPart = (part: readonly Search[]): Selected => {
      // DISTINCT also makes the database find the ids first.
      const searched = part.map((search) => selectIds(search, { isDistinct: true }));
      const ids = join(searched, ' UNION ');
      const from = sql`(${ids}) AS led ${dialect.joinInOrder} push_device ON push_device.device_id = led.device_id`;
      return { from, where };
    };
    // The index that finds a device may also have whether it is registered; then its row is not read.
    const countSearch = ({ id, from, where: isFound, mayRepeat = false }: Search): Selected => ({
      from,
      where: sql`${isInRange(id)} AND ${isFound} ${conditions}`,
      mayRepeat,
    });
    const hasDevices = searches.every(
      ([search, ...more]) => search?.hasDevices === true && more.length === 0,
    );
    const fetchIds = async (fromId: number, limit: number): Promise<readonly number[]> => {
      const ids = new Set<number>();
      for (const search of searches.flat()) {
        const some = selectIds(search, { isDistinct: search.mayRepeat === true, fromId });
        const rows = await driver.all(sql`${some} ORDER BY device_id LIMIT ${limit}`);
        for (const row of rows) ids.add(readWhole(row, 'device_id'));
      }
      return [...ids].toSorted((one, other) => one - other).slice(0, limit);
    };
    const parts = (): readonly Selected[] => searches.map(selectPart);
    const counted = (): readonly Selected[] => searches.flat().map(countSearch);
    return { parts, led: { conditions, fetchIds }, ...(hasDevices ? { counted } : {}) };
  };
}

/** Many member ids are more than one statement. */
function divide(filter: DeviceFilter, lead: Lead, dialect: Dialect): readonly DeviceFilter[] {
  const { memberIds } = filter;
  if (lead.field !== 'memberIds' || memberIds === undefined) return [filter];
  // The same id twice would select its devices twice, if the two are in two statements.
  return chunksOf([...new Set(memberIds)], dialect.listedBytesOf, dialect.maxBytes() / 2, MAX_MEMBERS).map(
    (chunk) => ({ ...filter, memberIds: chunk }),
  );
}

async function fetchOwnView(driver: Driver, name: string): Promise<OwnView> {
  const columns = await driver.fetchColumns(name);
  const column = (['device_id', 'member_id'] as const).find((each) => columns.has(each));
  if (column !== undefined) return { name, column };
  const got = columns.size === 0 ? 'no such table' : 'a table without either';
  throw wrongFilter('filter.view', `a table or view ${name} with a column device_id or member_id`, got);
}

/** An error of the row that has the filter: no retry fixes it. */
function wrongFilter(field: string, expected: string, got: string): PushError {
  return PushError.of('DATABASE', [{ field, expected, got }]);
}

function join(fragments: readonly Fragment[], separator: string): Fragment {
  return {
    sql: fragments.map((fragment) => fragment.sql).join(separator),
    values: fragments.flatMap(({ values }) => values),
  };
}
