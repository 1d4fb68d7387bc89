import type { Driver } from '../db/driver.ts';
import { OPTIONAL_COLUMNS, type OptionalColumn } from '../db/optional.ts';
import { TRAIT_COLUMNS, type TraitColumn } from '../model/traits.ts';
import { amber, type Finding, green } from './check.ts';

/** What cannot be done without a column of push_announcement. */
const LOST_OF_ANNOUNCEMENTS: Readonly<Record<OptionalColumn, string>> = {
  filter: 'audiences',
  locales: 'texts in several languages',
  template: 'templates',
  expected_audience: 'the limit of the audience',
  approved_by: 'approvals',
  local_time: 'sending at local time',
  repeat_at: 'repeating',
  repeat_zone: 'repeating',
  part_of: 'sending in parts',
};

/** What cannot be done without a column of push_device. */
const LOST_OF_DEVICES: Readonly<Record<TraitColumn, string>> = {
  platform: 'audiences by platform',
  locale: 'audiences by language',
  time_zone: 'audiences by time zone, and local time',
  app_version: 'audiences by version of the app',
  last_seen_at: 'audiences by last use',
  is_test: 'test devices',
  is_canary: 'canaries',
};

/** Finds columns that a view in the place of a table lacks: Baton works without them, and something is lost. */
export async function checkColumns(driver: Driver): Promise<Finding> {
  const missing = [
    ...(await fetchMissing(driver, 'push_announcement', OPTIONAL_COLUMNS, LOST_OF_ANNOUNCEMENTS)),
    ...(await fetchMissing(driver, 'push_device', TRAIT_COLUMNS, LOST_OF_DEVICES)),
  ];
  if (missing.length === 0) return green('push_announcement and push_device have all columns');
  return amber(
    missing.join('; '),
    'create the view again with these columns, or leave it so if nobody needs them',
  );
}

async function fetchMissing<Column extends string>(
  driver: Driver,
  table: string,
  columns: readonly Column[],
  lost: Readonly<Record<Column, string>>,
): Promise<string[]> {
  const present = await driver.fetchColumns(table);
  const missing = columns.filter((column) => !present.has(column));
  if (missing.length === 0) return [];
  const losses = [...new Set(missing.map((column) => lost[column]))];
  return [`${table} lacks ${missing.join(', ')}: no ${losses.join(', no ')}`];
}
