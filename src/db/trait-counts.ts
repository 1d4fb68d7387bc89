import type { TraitCounts } from '../model/device.ts';
import { PLATFORMS, type Platform } from '../model/filter.ts';
import type { TraitColumn } from '../model/traits.ts';
import type { Driver } from './driver.ts';
import { columnOrNull } from './optional.ts';
import { readOptionalText, readOr, readWhole, readWord } from './rows.ts';
import { type Fragment, sql } from './sql.ts';

/** Counts the devices that receive pushes by what they say about themselves; every count reads all devices. */
export async function countTraits(
  driver: Driver,
  columns: ReadonlySet<string>,
  maxLocales: number,
): Promise<TraitCounts> {
  const of = (name: TraitColumn): Fragment => columnOrNull('push_device', name, columns);
  const from = sql`FROM push_device WHERE unregistered_at IS NULL`;
  const platforms = await driver.all(
    sql`SELECT ${of('platform')} AS platform, COUNT(*) AS devices ${from} GROUP BY 1`,
  );
  const locales = await driver.all(
    sql`SELECT ${of('locale')} AS locale, COUNT(*) AS devices ${from}
        GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ${maxLocales}`,
  );
  const [row = {}] = await driver.all(
    sql`SELECT COUNT(DISTINCT ${of('locale')}) AS locales, COUNT(${of('time_zone')}) AS zones,
          COUNT(CASE WHEN ${of('is_test')} <> 0 THEN 1 END) AS tests,
          COUNT(CASE WHEN ${of('is_canary')} <> 0 THEN 1 END) AS canaries ${from}`,
  );
  const byPlatform = new Map<Platform | null, number>();
  for (const each of platforms) {
    const platform = readOr<Platform | null>([], () => readWord(each, 'platform', PLATFORMS), null);
    byPlatform.set(platform, (byPlatform.get(platform) ?? 0) + readWhole(each, 'devices'));
  }
  return {
    byPlatform: [...PLATFORMS, null].flatMap((platform) => {
      const devices = byPlatform.get(platform) ?? 0;
      return devices === 0 ? [] : [{ platform, devices }];
    }),
    byLocale: locales.map((each) => ({
      locale: readOr<string | null>([], () => readOptionalText(each, 'locale'), null),
      devices: readWhole(each, 'devices'),
    })),
    locales: readWhole(row, 'locales'),
    withTimeZone: readWhole(row, 'zones'),
    test: readWhole(row, 'tests'),
    canaries: readWhole(row, 'canaries'),
  };
}
