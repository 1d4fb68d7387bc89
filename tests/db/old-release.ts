import { readFileSync } from 'node:fs';
import { systemClock } from '../../src/clock.ts';
import type { Driver, Row } from '../../src/db/driver.ts';
import { openDriver } from '../../src/db/open.ts';
import { type Fragment, sql, type Value } from '../../src/db/sql.ts';
import { type DatabaseKind, makeDatabase, type TestDatabase } from '../support/database.ts';

/** A column's value; `{ ms }` is a time that is that much later than now. */
type Cell = Value | { readonly ms: number };
type Cells = Readonly<Record<string, Cell>>;

const content = { title: 'Grüße 🎉', body: 'it\'s "on"\\', image: 'https://e.x/i.png' };
const json = { data: '{"a":"b"}', options: '{"badge":1}' };
const delivery = { announcement_id: 1, message_id: 0, reason: null, message_name: null, round: 0 };

/** Rows as the release with schema 001 alone leaves them: announcement 1 is running, 2 is a mailing, and the others have ended. */
const ROWS: Readonly<Record<string, readonly Cells[]>> = {
  push_announcement: [
    {
      ...{
        announcement_id: 1,
        ...content,
        ...json,
        source: 'shop',
        promise: 'at-most-once',
        ttl_seconds: 3600,
      },
      ...{ dry_run: 0, lanes: 2, accept_unregistered: 1, audience: 'devices', status: 'running' },
      ...{ status_reason: null, publish_at: { ms: -60_000 }, idempotency_key: 'key-1' },
      ...{ created_at: { ms: -90_000 }, started_at: { ms: -50_000 }, finished_at: null },
    },
    {
      ...{ announcement_id: 2, title: '', body: '', image: null, data: '{}', options: '{}', source: 'shop' },
      ...{ promise: 'at-least-once', ttl_seconds: null, dry_run: 0, lanes: 1, accept_unregistered: 0 },
      ...{ audience: 'messages', status: 'scheduled', status_reason: null, publish_at: { ms: 60_000 } },
      ...{ idempotency_key: null, created_at: { ms: -1000 }, started_at: null, finished_at: null },
    },
    {
      ...{ announcement_id: 3, ...content, ...json, source: 'default', promise: 'at-most-once' },
      ...{ ttl_seconds: 0, dry_run: 1, lanes: 1, accept_unregistered: 0, audience: 'devices' },
      ...{ status: 'failed', status_reason: 'SENDER_ID_MISMATCH', publish_at: null, idempotency_key: null },
      ...{ created_at: { ms: -9000 }, started_at: { ms: -8000 }, finished_at: { ms: -7000 } },
    },
  ],
  push_device: [
    ...[1, 2, 3, 4].map((nth) => ({
      ...{ device_id: nth, target: `Target-${nth}`, target_kind: nth === 4 ? 'fid' : 'token' },
      ...{ member_id: nth === 1 ? 'member-1' : null, created_at: { ms: -100_000 } },
      ...{ unregistered_at: null, unregistered_reason: null, unregistered_by: null },
    })),
    {
      ...{ device_id: 9_007_199_254_740_991, target: 'gone', target_kind: 'token', member_id: null },
      ...{ created_at: { ms: -100_000 }, unregistered_at: { ms: -40_000 } },
      ...{ unregistered_reason: 'UNREGISTERED', unregistered_by: 1 },
    },
  ],
  push_message: [
    {
      ...{ message_id: 1, message_key: 'mail-1', announcement_id: 2, source: 'shop', device_id: null },
      ...{ member_id: 'member-1', ...content, ...json, ttl_seconds: 60, publish_at: { ms: -1000 } },
      ...{ created_at: { ms: -1000 }, owner: null, leased_until: null },
    },
    {
      ...{ message_id: 2, message_key: 'at-once', announcement_id: 0, source: 'shop', device_id: 2 },
      ...{ member_id: null, ...content, ...json, ttl_seconds: null, publish_at: { ms: -1000 } },
      ...{ created_at: { ms: -1000 }, owner: 'request-1', leased_until: { ms: 30_000 } },
    },
  ],
  push_hop: [
    {
      ...{ announcement_id: 1, round: 0, from_id: 0, to_id: 3, last_id: 2, next_id: 3, handed_over: 1 },
      ...{ canary: 0, claims: 1, owner: 'killed', lease_until: { ms: -10_000 } },
      ...{ planted_at: { ms: -50_000 }, closed_at: null },
    },
    {
      ...{ announcement_id: 1, round: 0, from_id: 3, to_id: null, last_id: 4, next_id: null, handed_over: 0 },
      ...{ canary: 0, claims: 1, owner: null, lease_until: { ms: -20_000 } },
      ...{ planted_at: { ms: -50_000 }, closed_at: { ms: -20_000 } },
    },
  ],
  push_delivery: [
    {
      ...{ ...delivery, device_id: 1, verdict: 'delivered', message_name: 'projects/p/messages/1' },
      ...{ attempts: 1, retry_at: null, recorded_at: { ms: -20_000 } },
    },
    {
      ...{ ...delivery, device_id: 2, verdict: 'misconfigured', reason: 'OUTAGE' },
      ...{ attempts: 1, retry_at: null, recorded_at: { ms: -20_000 } },
    },
    {
      ...{ ...delivery, device_id: 3, verdict: 'retryable', reason: 'UNAVAILABLE' },
      ...{ attempts: 2, retry_at: { ms: -1000 }, recorded_at: { ms: -20_000 } },
    },
    {
      ...{ ...delivery, device_id: 4, verdict: 'unknown', reason: 'IN_FLIGHT' },
      ...{ attempts: 1, retry_at: null, recorded_at: { ms: -20_000 } },
    },
    {
      ...{ ...delivery, announcement_id: 0, message_id: 2, device_id: 2, verdict: 'misconfigured' },
      ...{ attempts: 1, retry_at: null, recorded_at: { ms: -20_000 } },
    },
  ],
  push_budget: [
    {
      ...{
        source: 'shop',
        version: 7,
        taken_until: { ms: 5000 },
        urgent_until: { ms: 1000 },
        urgent_ms: 250,
      },
      ...{
        ramp_from: { ms: -50_000 },
        brakes: 2,
        braked_until: { ms: -5000 },
        brake_reason: 'QUOTA_EXCEEDED',
      },
      ...{ outages: 0 },
    },
  ],
  push_turn: [{ source: 'shop', announcement_id: 1, opens_at: { ms: 2000 } }],
  push_tick: [{ tick_id: 1, ticked_at: { ms: -30_000 } }],
};

/** A database with the tables of schema 001 and rows in each of them, and a driver to look at it. */
export async function makeOldDatabase(
  kind: DatabaseKind,
): Promise<{ database: TestDatabase; driver: Driver }> {
  const database = await makeDatabase(kind, { migrated: false });
  const driver = openDriver(database.config, systemClock);
  await driver.runScript(
    'CREATE TABLE push_migration (version INTEGER NOT NULL PRIMARY KEY, name VARCHAR(100) NOT NULL)',
  );
  const schema = new URL(`../fixtures/schema/001-broadcast.${kind}.sql`, import.meta.url);
  await driver.runScript(readFileSync(schema, 'utf8'));
  await driver.run(sql`INSERT INTO push_migration (version, name) VALUES (1, '001-broadcast')`);
  const valueOf = (cell: Cell): Fragment =>
    typeof cell === 'object' && cell !== null ? driver.dialect.nowPlus(cell.ms) : sql`${cell}`;
  for (const [table, rows] of Object.entries(ROWS)) {
    for (const row of rows) {
      const { sql: values, values: parameters } = sql`(${Object.values(row).map(valueOf)})`;
      await driver.run({
        sql: `INSERT INTO ${table} (${Object.keys(row).join(', ')}) VALUES ${values}`,
        values: parameters,
      });
    }
  }
  return { database, driver };
}

/** All rows of all tables but push_migration, by table. */
export async function fetchAllRows(driver: Driver): Promise<Record<string, Row[]>> {
  const tables: Record<string, Row[]> = {};
  for (const table of Object.keys(ROWS)) {
    tables[table] = await driver.all({ sql: `SELECT * FROM ${table} ORDER BY 1, 2`, values: [] });
  }
  return tables;
}
