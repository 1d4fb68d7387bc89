import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import { parseJson } from '../json.ts';
import {
  type Aim,
  type Announcement,
  type NewAnnouncement,
  TEMPLATE_LANGUAGES,
} from '../model/announcement.ts';
import { filterSchema } from '../model/filter.ts';
import { localesSchema } from '../model/locales.ts';
import { parseWith } from '../parse.ts';
import { fit } from './columns.ts';
import type { Row } from './driver.ts';
import {
  AIM_COLUMNS,
  columnOrNull,
  OPTIONAL_COLUMNS,
  type OptionalColumn,
  PLAN_COLUMNS,
  requireColumn,
} from './optional.ts';
import { readOptionalText, readOptionalWhole, readOr, readWord } from './rows.ts';
import type { Fragment, Value } from './sql.ts';

/*
 * The columns of push_announcement that say whom it is for, in which words and when. A team's own view may lack them: see
 * optional.ts.
 */

type AimField = keyof Aim | 'approvedBy';

export function aimColumns(columns: ReadonlySet<string>): Fragment {
  return listOf(AIM_COLUMNS, columns);
}

export function planColumns(columns: ReadonlySet<string>): Fragment {
  return listOf(PLAN_COLUMNS, columns);
}

function listOf(names: readonly OptionalColumn[], columns: ReadonlySet<string>): Fragment {
  const list = names.map((name) => `${columnOrNull('push_announcement', name, columns).sql} AS ${name}`);
  return { sql: list.join(', '), values: [] };
}

/** The optional columns of a new announcement that are not NULL, and their values. */
export function optionalValues(announcement: NewAnnouncement): [OptionalColumn, Value][] {
  const { filter, locales, template, expectedAudience, localTime, repeat, partOf } = announcement;
  const values: [OptionalColumn, Value | undefined][] = [
    ['filter', filter ? JSON.stringify(filter) : null],
    ['locales', locales ? JSON.stringify(locales) : null],
    ['template', template],
    ['expected_audience', expectedAudience],
    ['local_time', localTime],
    ['repeat_at', fit('repeat_at', repeat?.at ?? null)],
    ['repeat_zone', fit('repeat_zone', repeat?.zone ?? null)],
    ['part_of', partOf],
  ];
  return values.flatMap(([name, value]) => (value === undefined || value === null ? [] : [[name, value]]));
}

/** PushError('BAD_INPUT') if the team's own view lacks a column that the announcement needs. */
export function requirePlan(announcement: NewAnnouncement, columns: ReadonlySet<string>): void {
  for (const [name] of optionalValues(announcement)) requireColumn('push_announcement', name, columns);
}

/**
 * True if a row has what a request asked for. Whether it is approved does not count, nor the number of devices that it
 * expects: a resume accepts another one.
 */
export function isSamePlan(row: Row, announcement: NewAnnouncement): boolean {
  const asked = new Map(optionalValues(announcement));
  const names = OPTIONAL_COLUMNS.filter((name) => name !== 'approved_by' && name !== 'expected_audience');
  return names.every((name) =>
    isDeepStrictEqual(valueOf(row, name), valueOf(Object.fromEntries(asked), name)),
  );
}

/** JSON is compared by its value: the order of keys may differ, and a column of the type JSON arrives as a value. */
function valueOf(row: Row, name: OptionalColumn): unknown {
  const value = row[name] ?? null;
  const isJson = name === 'filter' || name === 'locales';
  return isJson && typeof value === 'string' ? parseJson(value, name, 'DATABASE') : value;
}

/** `parseAim` reads the columns of a row; what is wrong in them is added to `problems`. */
export function parseAim(row: Row, problems: string[]): Pick<Announcement, AimField> {
  /** Errors name the column. */
  const readJson = <T>(name: OptionalColumn, schema: z.ZodType<T>): T | null => {
    const column = row[name];
    if (column === null) return null;
    const value = typeof column === 'string' ? parseJson(column, name, 'DATABASE') : column;
    return parseWith(z.object({ [name]: schema }), { [name]: value }, 'DATABASE')[name] ?? null;
  };
  const or = <T>(read: () => T): T | null => readOr(problems, read, null);
  const at = or(() => readOptionalText(row, 'repeat_at'));
  return {
    filter: or(() => readJson('filter', filterSchema)),
    locales: or(() => readJson('locales', localesSchema)),
    template: or(() => (row['template'] === null ? null : readWord(row, 'template', TEMPLATE_LANGUAGES))),
    expectedAudience: or(() => readOptionalWhole(row, 'expected_audience')),
    approvedBy: or(() => readOptionalText(row, 'approved_by')),
    localTime: or(() => readOptionalText(row, 'local_time')),
    repeat: or(() => (at === null ? null : { at, zone: readOptionalText(row, 'repeat_zone') ?? 'UTC' })),
    partOf: or(() => readOptionalWhole(row, 'part_of')),
  };
}
