import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { moveAnnouncement } from '../../src/broadcast/announcement.ts';
import { runHop } from '../../src/broadcast/hop.ts';
import { scan } from '../../src/broadcast/scan.ts';
import { systemClock } from '../../src/clock.ts';
import type { Driver } from '../../src/db/driver.ts';
import { openDriver, openStore } from '../../src/db/open.ts';
import { sql, type Value } from '../../src/db/sql.ts';
import { PushError } from '../../src/errors.ts';
import type { Store } from '../../src/store.ts';
import { makeContext, type TestContext } from '../support/context.ts';
import { makeDatabase, type TestDatabase } from '../support/database.ts';
import { fuzzing } from '../support/fuzz.ts';

/** A case is a broadcast and a mailing: it takes three times as long as one of another test. */
const SHARE = 0.3;

/** More than all hops of a case need. */
const MAX_JOBS = 20;

/** No error may show it. */
const SECRET = 'one-time-code-4711';

let database: TestDatabase;
let driver: Driver;
let store: Store;

beforeAll(async () => {
  database = await makeDatabase('sqlite');
  driver = openDriver(database.config, systemClock);
  store = await openStore(database.config, systemClock);
});
afterAll(async () => {
  await driver.close();
  await store.close();
  await database.drop();
});

type Cells = Readonly<Record<string, Value>>;

const odd: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom<Value>(
    null,
    '',
    '0',
    'NULL',
    '[]',
    '{}',
    '{"a":',
    SECRET,
    `{"a":"${SECRET}"`,
    `["${SECRET}"]`,
  ),
  fc.constantFrom<Value>(
    0,
    1,
    -1,
    9e15,
    'x'.repeat(5000),
    `${'['.repeat(500)}${']'.repeat(500)}`,
    '{"__proto__":1}',
  ),
  fc.string({ unit: 'grapheme' }),
  fc.integer(),
);

const cells = (...columns: readonly string[]): fc.Arbitrary<Cells> =>
  fc.dictionary(fc.constantFrom(...columns), odd, { minKeys: 1, maxKeys: 3 });

const CONTENT = ['title', 'body', 'image', 'data', 'options', 'ttl_seconds', 'source'];
const SENDING = ['guarantee', 'audience', 'dry_run', 'lanes', 'accept_unregistered'];
const rows = fc.record({
  announcement: cells(...CONTENT, ...SENDING, 'status', 'status_reason', 'publish_at', 'idempotency_key'),
  device: cells('target', 'target_kind', 'member_id', 'unregistered_at', 'unregistered_reason'),
  message: cells(...CONTENT, 'message_key', 'member_id', 'owner', 'leased_until'),
});

/** In a statement of the budget, the name would be an error at each hop. */
const LONG_SOURCE = {
  announcement: { source: 'x'.repeat(65) },
  device: { target: 'odd' },
  message: { source: 'y'.repeat(65) },
};

/** Writes a row as another program does; null if the table does not take it. */
async function insert(table: string, values: Cells): Promise<number | null> {
  const names = { sql: Object.keys(values).join(', '), values: [] };
  try {
    const { insertId } = await driver.run(
      sql`INSERT INTO ${{ sql: table, values: [] }} (${names}) VALUES (${Object.values(values)})`,
    );
    return insertId;
  } catch (error) {
    if (error instanceof PushError && error.code === 'DATABASE') return null;
    throw error;
  }
}

async function work(): Promise<TestContext> {
  const ctx = makeContext(store);
  await scan(ctx);
  for (let nth = 0; nth < ctx.invoked.length; nth++) {
    expect(nth).toBeLessThan(MAX_JOBS);
    const job = ctx.invoked[nth];
    if (job?.kind === 'broadcast') await runHop(ctx, job);
  }
  return ctx;
}

const TRAITS = [
  'platform',
  'locale',
  'time_zone',
  'app_version',
  'last_seen_at',
  'is_test',
  'is_canary',
  'member_id',
];
const deviceRows = fc.record({
  device: cells(...TRAITS),
  tags: fc.array(fc.record({ name: odd, value: odd }), { maxLength: 3 }),
  attributes: odd,
});

test('whatever SQL writes about devices and members, they are read, counted and explained, and registered again', async () => {
  await fc.assert(
    fc.asyncProperty(deviceRows, async ({ device, tags, attributes }) => {
      await driver.runScript('DELETE FROM push_device; DELETE FROM push_tag; DELETE FROM push_member;');
      const deviceId = await insert('push_device', { target: 'odd', created_at: 0, ...device });
      await insert('push_device', { target: 'good', created_at: 0, platform: 'ios' });
      for (const tag of tags) await insert('push_tag', { device_id: deviceId, ...tag });
      await insert('push_member', { member_id: 'odd', attributes });
      await insert('push_member', { member_id: 'good', attributes: '{"nickname": "Jo"}' });

      const page = await store.fetchPage(0, null, 10, { withTraits: true });
      expect(page.at(-1)).toMatchObject({ target: 'good', platform: 'ios', locale: null });
      expect(page.map(({ problem }) => problem)).toEqual(page.map(() => undefined));
      const { byPlatform } = await store.countTraits(3);
      expect(byPlatform.reduce((sum, { devices }) => sum + devices, 0)).toBe(page.length);
      const members = await store.fetchMembers(['odd', 'good', 'absent']);
      expect(members.get('good')).toEqual({ nickname: 'Jo' });
      expect((await store.fetchMember('odd'))?.problem ?? '').not.toContain(SECRET);
      if (deviceId === null) return;
      const [explained] = await store.findDevices({ kind: 'id', deviceId }, 1);
      expect(Object.keys(explained?.tags ?? {}).length).toBeLessThanOrEqual(tags.length);
      const target = { target: 'odd', targetKind: 'token' } as const;
      const said = { locale: 'de', platform: 'web', isTest: true, tags: { plan: 'pro' } } as const;
      expect(await store.registerDevice({ ...target, ...said })).toBe(deviceId);
      const [renewed] = await store.findDevices({ kind: 'id', deviceId }, 1);
      expect(renewed).toMatchObject(said);
      expect(renewed?.lastSeenAt).toBeGreaterThan(Date.UTC(2024));
    }),
    fuzzing(SHARE / 2),
  );
});

test('whatever rows SQL writes, those beside them are sent, and all are shown, listed and cancelled', async () => {
  const due = { status: 'scheduled', publish_at: 0, created_at: 0 };
  await fc.assert(
    fc.asyncProperty(rows, async ({ announcement, device, message }) => {
      await driver.runScript(
        ['announcement', 'device', 'message', 'hop', 'delivery', 'budget', 'turn', 'snapshot']
          .map((name) => `DELETE FROM push_${name};`)
          .join(' '),
      );
      const bad = await insert('push_announcement', { title: 't', body: 'b', ...due, ...announcement });
      await insert('push_device', { target: 'odd', created_at: 0, ...device });
      const member = { title: 't', body: 'b', publish_at: 0, member_id: 'anna' };
      await insert('push_message', { ...member, ...message });
      await insert('push_device', { target: 'good-target', created_at: 0, member_id: 'anna' });
      await insert('push_message', member);
      const good = await insert('push_announcement', { title: 'good', body: 'b', ...due });

      const { sent } = await work();
      expect(await store.fetchAnnouncement(good ?? 0)).toMatchObject({ status: 'done' });
      // By the good announcement and the good message, if not by the odd ones too.
      expect(sent.filter((target) => target === 'good-target').length).toBeGreaterThanOrEqual(2);
      expect((await store.fetchLatest(10)).length).toBeGreaterThanOrEqual(bad === null ? 2 : 3);
      if (bad === null) return;
      const shown = await store.fetchAnnouncement(bad);
      if (shown?.statusReason !== announcement['status_reason'])
        expect(`${shown?.problem} ${shown?.statusReason}`).not.toContain(SECRET);
      if (shown?.status !== 'done' && shown?.status !== 'cancelled')
        expect(await moveAnnouncement({ store, actor: 'baton' }, bad, 'cancel')).toMatchObject({
          status: 'cancelled',
        });
    }),
    { ...fuzzing(SHARE), examples: [[LONG_SOURCE]] },
  );
});
