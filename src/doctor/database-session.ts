import type { Driver } from '../db/driver.ts';
import { SQL_MODE } from '../db/mysql-session.ts';
import { readText, readWhole } from '../db/rows.ts';
import { sql } from '../db/sql.ts';
import { amber, type Finding, green, red } from './check.ts';

/** The longest message takes less than this in a statement; shorter statements cannot record a push with FCM's words. */
const MIN_PACKET_BYTES = 16_384;
/** With shorter statements Baton divides its own, and takes longer. */
const GOOD_PACKET_BYTES = 1_048_576;
const SET_STRICT =
  "add STRICT_TRANS_TABLES to the server's sql_mode: without it, the server cuts a text or a token that another program " +
  'writes and that is too long, and Baton sends it so';
const RAISE_PACKET = 'set max_allowed_packet to 16M or more (on RDS, in the parameter group)';

/** Compares the session that Baton has set with what it has become, and says what the server has by default. */
export async function checkSession(driver: Driver): Promise<Finding> {
  if (driver.dialect.name === 'sqlite') return green('SQLite has no settings that Baton depends on');
  const [row = {}] = await driver.all(
    sql`SELECT @@SESSION.sql_mode AS own_mode, @@GLOBAL.sql_mode AS mode, @@SESSION.time_zone AS own_zone,
          @@GLOBAL.time_zone AS zone, @@SESSION.character_set_client AS own_characters,
          @@GLOBAL.character_set_server AS characters, @@SESSION.max_allowed_packet AS packet`,
  );
  const server =
    `the server's defaults are sql_mode ${readText(row, 'mode') || '(empty)'}, time zone ${readText(row, 'zone')}, ` +
    `character set ${readText(row, 'characters')}`;
  const ownMode = readText(row, 'own_mode');
  const isOwn =
    sortWords(ownMode) === sortWords(SQL_MODE) &&
    row['own_zone'] === '+00:00' &&
    row['own_characters'] === 'utf8mb4';
  if (!isOwn) {
    return red(
      `Baton's session has lost its settings: sql_mode ${ownMode || '(empty)'}, time zone ${readText(row, 'own_zone')}, ` +
        `character set ${readText(row, 'own_characters')}; ${server}`,
      'let the proxy between Baton and the server keep one server connection for each client connection',
    );
  }
  const packet = readWhole(row, 'packet');
  if (packet < MIN_PACKET_BYTES) {
    return red(`max_allowed_packet: expected at least ${MIN_PACKET_BYTES}, got ${packet}`, RAISE_PACKET);
  }
  const own = `Baton's own: strict, UTC, utf8mb4, statements up to ${packet} bytes; ${server}`;
  const advice = [
    ...(packet < GOOD_PACKET_BYTES ? [`${RAISE_PACKET}: Baton is slower than it could be`] : []),
    ...(isStrict(readText(row, 'mode')) ? [] : [SET_STRICT]),
  ];
  return advice.length === 0 ? green(own) : amber(own, advice.join('; '));
}

/** Baton sets a strict mode for its own session; a back end that writes rows to its tables has the server's. */
function isStrict(mode: string): boolean {
  return /\b(STRICT_TRANS_TABLES|STRICT_ALL_TABLES|TRADITIONAL)\b/.test(mode);
}

function sortWords(mode: string): string {
  return mode.split(',').toSorted().join(',');
}
