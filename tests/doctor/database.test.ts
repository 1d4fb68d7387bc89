import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Driver, Row } from '../../src/db/driver.ts';
import { SQL_MODE } from '../../src/db/mysql-session.ts';
import { openMysql } from '../../src/db/mysql.ts';
import type { Statement } from '../../src/db/sql.ts';
import type { Finding } from '../../src/doctor/check.ts';
import { databaseChecks } from '../../src/doctor/database.ts';

const config = { kind: 'mysql', url: 'mysql://h/d', tls: { kind: 'off' } } as const;

/** What a check says of a MySQL server that answers each statement so. */
async function check(name: string, answer: (statement: Statement) => readonly Row[]): Promise<Finding> {
  const driver: Driver = {
    ...openMysql(config, systemClock),
    all: async (statement) => [...answer(statement)],
  };
  const checks = databaseChecks(config, async () => driver, {
    needs: [],
    clock: systemClock,
    fix: false,
    receipts: false,
  });
  const found = checks.find((each) => each.name === name);
  if (!found) throw new Error(`expected a check named ${name}`);
  return found.run();
}

test.each([
  ['8.0.16', true],
  ['8.0.36-28', true],
  ['8.4.0', true],
  ['9.5.0', true],
  ['8.0.15', false],
  ['5.7.44-log', false],
  ['10.6.0-MariaDB', true],
  ['10.11.19-MariaDB-0+deb12u1', true],
  ['11.4.2-MariaDB', true],
  ['10.5.27-MariaDB', false],
])('a server of version %s: %s', async (version, ok) => {
  const finding = await check('database version', () => [{ version }]);
  expect(finding.ok).toBe(ok);
  if (!ok) expect(finding.advice).toBe('upgrade to MySQL 8.0.16, or to MariaDB 10.6 or later');
});

test('the plan of a page is asked for as a table, which MySQL from 9.5 on no longer gives by itself', async () => {
  const finding = await check('page query', ({ sql }) =>
    sql.startsWith('EXPLAIN FORMAT = TRADITIONAL ')
      ? [{ type: 'range', key: 'PRIMARY', Extra: 'Using where' }]
      : [{ EXPLAIN: '-> Limit: 1 row(s)' }],
  );
  expect(finding).toMatchObject({ ok: true, says: 'range on PRIMARY, Using where' });
});

test.each([
  ['STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', 16_777_216, undefined, null],
  ['TRADITIONAL', 16_777_216, undefined, null],
  ['NO_ENGINE_SUBSTITUTION', 16_777_216, 'amber', /^add STRICT_TRANS_TABLES to the server's sql_mode/],
  ['', 524_288, 'amber', /^set max_allowed_packet to 16M or more .*; add STRICT_TRANS_TABLES/],
])('a server whose sql_mode is "%s", with packets of %s bytes: %s', async (mode, packet, level, advice) => {
  const finding = await check('database session', () => [
    {
      ...{ mode, packet, zone: 'SYSTEM', characters: 'utf8mb4' },
      ...{ own_mode: SQL_MODE, own_zone: '+00:00', own_characters: 'utf8mb4' },
    },
  ]);
  expect(finding).toMatchObject({ ok: true, advice: advice === null ? null : expect.stringMatching(advice) });
  expect(finding.level).toBe(level);
});
