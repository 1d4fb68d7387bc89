import type { DeviceFilter } from '../model/filter.ts';
import { versionKeyOf } from '../model/version.ts';
import type { Driver } from './driver.ts';
import { readText } from './rows.ts';
import { sql, type Statement } from './sql.ts';

/** Versions of the app that devices have, at most: of more, the index on them is not used. */
const MAX_VERSIONS = 500;

/** A text of other characters may be equal to a version for MySQL, whose collation ignores some. */
const PRINTABLE = /^[ -~]*$/;

/**
 * The texts of app_version, as devices have them, that a range of versions may take: an app has few, so that the index on the
 * column finds the devices of a range, although texts do not sort as versions do. Null: there are too many.
 */
export async function fetchAppVersions(
  driver: Driver,
  { from, below }: NonNullable<DeviceFilter['appVersion']>,
): Promise<readonly string[] | null> {
  const rows = await driver.all(selectDistinct(driver.dialect.name));
  if (rows.length > MAX_VERSIONS) return null;
  const first = versionKeyOf(from ?? '');
  const end = versionKeyOf(below ?? '');
  const isNearRange = (text: string): boolean => {
    if (!PRINTABLE.test(text)) return true;
    const key = versionKeyOf(text.trimEnd());
    return key !== null && (first === null || key >= first) && (end === null || key < end);
  };
  return rows.map((row) => readText(row, 'app_version')).filter(isNearRange);
}

/** Each text once, by a few steps in the index on app_version. */
function selectDistinct(name: 'mysql' | 'sqlite'): Statement {
  switch (name) {
    case 'mysql':
      return sql`SELECT DISTINCT app_version FROM push_device WHERE app_version IS NOT NULL LIMIT ${MAX_VERSIONS + 1}`;
    case 'sqlite':
      // SQLite would read the whole index for DISTINCT.
      return sql`
        WITH RECURSIVE known (app_version) AS (
          SELECT MIN(app_version) FROM push_device
          UNION ALL
          SELECT (SELECT MIN(push_device.app_version) FROM push_device WHERE push_device.app_version > known.app_version)
          FROM known WHERE known.app_version IS NOT NULL
          LIMIT ${MAX_VERSIONS + 2})
        SELECT app_version FROM known WHERE app_version IS NOT NULL`;
  }
}
