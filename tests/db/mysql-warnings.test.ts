import { expect, test } from 'vitest';
import type { Dialect, Row } from '../../src/db/driver.ts';
import { asInFlight, upsertDeliveries } from '../../src/db/ledger.ts';
import { makeWarningCheck } from '../../src/db/mysql-warnings.ts';
import { openMysql } from '../../src/db/mysql.ts';
import { sql } from '../../src/db/sql.ts';
import { systemClock } from '../../src/clock.ts';

const DEPRECATED = {
  Level: 'Warning',
  Code: 1287,
  Message: "'VALUES function' is deprecated and will be removed in a future release.",
};
const CUT = { Level: 'Note', Code: 1265, Message: "Data truncated for column 'reason' at row 1" };

/** Two columns take the value of the INSERT. */
const UPSERT = sql`INSERT INTO t (a, b) VALUES (${1}, ${2}) ON DUPLICATE KEY UPDATE a = VALUES(a), b = VALUES(b)`;

/** A server with these warnings of the last statement, and the questions that it was asked. */
function makeServer(rows: readonly Row[]) {
  const asked: string[] = [];
  const ask = async (text: string): Promise<readonly Row[]> => {
    asked.push(text);
    return rows;
  };
  return { asked, ask };
}

test("MySQL 8's warning that VALUES() is deprecated is no error, and is asked about once", async () => {
  const check = makeWarningCheck();
  const { asked, ask } = makeServer([DEPRECATED, DEPRECATED]);
  for (let times = 0; times < 3; times++) await check(UPSERT, 2, ask);
  expect(asked).toEqual(['SHOW WARNINGS']);
});

test('a change of a value is an error beside that warning, before and after it is known', async () => {
  const check = makeWarningCheck();
  const message = "the database has changed a value: Data truncated for column 'reason' at row 1";
  await expect(check(UPSERT, 3, makeServer([DEPRECATED, DEPRECATED, CUT]).ask)).rejects.toThrow(message);
  await check(UPSERT, 2, makeServer([DEPRECATED, DEPRECATED]).ask);
  await expect(check(UPSERT, 3, makeServer([DEPRECATED, DEPRECATED, CUT]).ask)).rejects.toThrow(message);
  // A statement without VALUES() has no such warning.
  await expect(check(sql`UPDATE t SET a = ${1}`, 1, makeServer([CUT]).ask)).rejects.toThrow(message);
});

test('as many changes as there are VALUES() are errors on a server that does not warn of those', async () => {
  const check = makeWarningCheck();
  const { asked, ask } = makeServer([{ Level: 'Note', Code: 1003, Message: 'a note' }]);
  await check(sql`UPDATE t SET a = ${1}`, 1, ask);
  await check(sql`UPDATE t SET a = ${1}`, 1, ask);
  expect(asked).toHaveLength(2);
  await expect(check(UPSERT, 2, makeServer([CUT, CUT]).ask)).rejects.toThrow('changed a value');
});

test('a statement without warnings asks nothing', async () => {
  const { asked, ask } = makeServer([CUT]);
  await makeWarningCheck()(UPSERT, 0, ask);
  expect(asked).toEqual([]);
});

test('each VALUES() of the ledger is counted, whatever its columns are', async () => {
  const driver = openMysql({ kind: 'mysql', url: 'mysql://h/d', tls: { kind: 'off' } }, systemClock);
  const dialect: Dialect = driver.dialect;
  const [upsert] = upsertDeliveries(dialect, { announcementId: 1, round: 0 }, [asInFlight({ deviceId: 1 })]);
  const uses = upsert?.sql.match(/\bVALUES\(/g)?.length ?? 0;
  expect(uses).toBe(6);
  const check = makeWarningCheck();
  const { asked, ask } = makeServer(Array.from({ length: uses }, () => DEPRECATED));
  for (let times = 0; times < 2; times++) await check(upsert ?? UPSERT, uses, ask);
  expect(asked).toHaveLength(1);
  await driver.close();
});
