import type { Addressee } from '../../src/context.ts';
import type { NewAnnouncement } from '../../src/model/announcement.ts';
import type { Outcome } from '../../src/model/delivery.ts';
import type { TestName } from '../../src/model/device.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Driver } from '../../src/db/driver.ts';
import { openDriver, openStore } from '../../src/db/open.ts';
import { parseTestName } from '../../src/messages/test-devices.ts';
import { asTested, sendTests, type TestSend } from '../../src/messages/test-sends.ts';
import { sendMessages } from '../../src/messages/send.ts';
import { describeDevices } from '../../src/report/explain/device-text.ts';
import { explainDevices } from '../../src/report/explain/device.ts';
import type { Store } from '../../src/store.ts';
import { explain } from '../db/plan.ts';
import {
  delivered,
  devicesOf,
  draft,
  fixedSender,
  makeContext,
  outcome,
  toDevice,
} from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';

describe.each(databaseKinds())('test sends, on %s', (kind) => {
  let database: TestDatabase;
  let store: Store;
  let driver: Driver;

  beforeEach(async () => {
    database = await makeDatabase(kind);
    store = await openStore(database.config, systemClock);
    driver = openDriver(database.config, systemClock);
    // Devices 1 and 2 are Ada's, 3 is Bob's, 4 has no member.
    await store.addDevices(devicesOf('ada', 'ada', 'bob', null));
  });
  afterEach(async () => {
    await driver.close();
    await store.close();
    await database.drop();
  });

  const set = (deviceId: number, assignment: string) =>
    driver.run({ sql: `UPDATE push_device SET ${assignment} WHERE device_id = ?`, values: [deviceId] });

  /** Sends a test of an announcement; resolves to what FCM got and to what became of it. */
  async function tryOut(
    { announcementId, dryRun = false }: { announcementId: number; dryRun?: boolean },
    to: readonly string[],
    answer: (device: Addressee) => Outcome = () => delivered,
  ) {
    const got: string[] = [];
    const ctx = {
      ...makeContext(store),
      senders: fixedSender({
        async send({ devices, dryRun: isDry }) {
          got.push(
            ...devices.map(
              ({ target, own }) =>
                `${isDry ? 'check' : 'send'} ${target} "${own?.content.title}" "${own?.content.body}"`,
            ),
          );
          return devices.map(answer);
        },
        close: async () => {},
      }),
    };
    const announcement = await store.fetchAnnouncement(announcementId);
    if (announcement === null) throw new Error('expected an announcement, got none');
    const names = to.map((name) => parseTestName(name) as TestName);
    const sends = await sendTests(ctx, asTested(announcement, { dryRun }), names);
    return { got, sends, brief: sends.map(brief) };
  }

  const brief = ({ deviceId, verdict, reason, variable }: TestSend): string =>
    [deviceId, reason ?? verdict, variable].filter((part) => part !== null).join(' ');

  const create = (fields: Partial<NewAnnouncement> = {}) => store.createAnnouncement({ ...draft, ...fields });

  const count = async (table: string): Promise<number> =>
    Number((await driver.all({ sql: `SELECT COUNT(*) AS n FROM ${table}`, values: [] }))[0]?.['n']);

  test('the real message goes to the named devices, each once, and no count of the announcement has it', async () => {
    const announcementId = await create();
    await set(4, 'is_test = 1');
    const { got, brief: all } = await tryOut({ announcementId }, [
      'member:ada',
      'device:1',
      'target-3',
      'test',
    ]);
    expect(got).toEqual([1, 2, 3, 4].map((nth) => `send target-${nth} "Hello" "World"`));
    expect(all).toEqual(['1 delivered', '2 delivered', '3 delivered', '4 delivered']);
    const rows = await driver.all({
      sql: 'SELECT DISTINCT test_of, announcement_id, title FROM push_message',
      values: [],
    });
    expect(rows).toEqual([{ test_of: announcementId, announcement_id: 0, title: 'Hello' }]);
    expect(await store.fetchAnnouncement(announcementId)).toMatchObject({ status: 'draft' });
    expect(await store.countDeliveries(announcementId)).toMatchObject({ delivered: 0 });
    expect(await store.countDeliveries(0)).toMatchObject({ delivered: 4 });

    // A second test is a second message.
    expect((await tryOut({ announcementId }, ['device:1'])).got).toHaveLength(1);
    expect(await count('push_message')).toBe(5);
  });

  test('each device gets it in its locale and by the template, and what cannot be rendered is not sent', async () => {
    await store.setMember('ada', { name: 'Ada' });
    await set(2, "locale = 'de-CH'");
    const announcementId = await create({
      content: { ...draft.content, title: 'Hi {{ name }}', body: 'World' },
      locales: { de: { title: 'Hallo {{ name }}', body: 'Welt' } },
      template: 'liquid',
    });
    for (const [dryRun, verb] of [
      [true, 'check'],
      [false, 'send'],
    ] as const) {
      const { got, brief: all } = await tryOut({ announcementId, dryRun }, ['member:ada', 'member:bob']);
      expect(got).toEqual([`${verb} target-1 "Hi Ada" "World"`, `${verb} target-2 "Hallo Ada" "Welt"`]);
      expect(all).toEqual(['1 delivered', '2 delivered', '3 TEMPLATE_VARIABLE name']);
    }
    const titles = await driver.all({ sql: 'SELECT title FROM push_message ORDER BY title', values: [] });
    expect(titles.map((row) => row['title'])).toEqual(['Hallo Ada', 'Hi Ada']);
  });

  test('a template that cannot be read is refused before anything is sent', async () => {
    const content = { ...draft.content, title: 'Hi {{ name' };
    const announcementId = await create({ content, template: 'liquid' });
    await expect(tryOut({ announcementId }, ['device:1'])).rejects.toMatchObject({
      code: 'BAD_INPUT',
      problems: [{ field: 'title' }],
    });
    expect(await count('push_message')).toBe(0);
  });

  test('a dry run is checked by FCM, leaves no row and changes no device; so does the test of a dry run', async () => {
    const gone = () => outcome('unregistered', 'UNREGISTERED');
    for (const fields of [
      { announcementId: await create(), dryRun: true },
      { announcementId: await create({ dryRun: true }) },
    ]) {
      const { got, sends } = await tryOut(fields, ['device:1'], gone);
      expect(got).toEqual(['check target-1 "Hello" "World"']);
      expect(sends).toMatchObject([{ messageId: null, verdict: 'unregistered', reason: 'UNREGISTERED' }]);
    }
    expect(await count('push_message')).toBe(0);
    expect(await count('push_delivery')).toBe(0);
    expect(await store.countDevices()).toBe(4);
  });

  test('FCM answers each device by itself: the refused have its reason, and what is gone is marked', async () => {
    const announcementId = await create();
    const { brief: all } = await tryOut(
      { announcementId },
      ['device:1', 'device:2', 'device:3'],
      (device) => {
        if (device.deviceId === 1) return outcome('unregistered', 'UNREGISTERED');
        return device.deviceId === 2 ? outcome('rejected', 'SENDER_ID_MISMATCH') : delivered;
      },
    );
    expect(all).toEqual(['1 UNREGISTERED', '2 SENDER_ID_MISMATCH', '3 delivered']);
    expect(await store.countDevices()).toBe(3);
    await expect(tryOut({ announcementId }, ['device:1'])).rejects.toMatchObject({
      problems: [
        {
          field: 'to.0',
          expected: 'a device that gets pushes (its app has to register again)',
          got: 'only unregistered devices with the id 1',
        },
      ],
    });
  });

  test('names without a device are refused, all of them, and nothing is sent to the others', async () => {
    const announcementId = await create();
    const names = ['device:1', 'a-secret-token', 'member:nobody', 'device:99', 'test'];
    const refusal = await tryOut({ announcementId }, names).catch((error: unknown) => error as Error);
    expect(refusal).toMatchObject({
      code: 'NO_SUCH_DEVICE',
      problems: [
        { field: 'to.1', got: 'no device with this token' },
        { field: 'to.2', got: 'no device of this member' },
        { field: 'to.3', got: 'no device with the id 99' },
        { field: 'to.4', got: 'no device with is_test = 1' },
      ],
    });
    expect(JSON.stringify(refusal)).not.toContain('secret');
    expect(await count('push_message')).toBe(0);
  });

  test('a test is for a hundred devices at most', async () => {
    const announcementId = await create();
    await store.addDevices(
      Array.from({ length: 101 }, (_, nth) => ({
        ...{ target: `more-${nth}`, targetKind: 'token', memberId: 'team' },
      })),
    );
    await expect(tryOut({ announcementId }, ['member:team'])).rejects.toThrow(
      'to: expected at most 100 devices, got names of more devices',
    );
    const { sends } = await tryOut({ announcementId }, ['member:ada']);
    expect(sends).toHaveLength(2);
  });

  test('a mailing and a row that cannot be sent have nothing to test', async () => {
    const announcementId = await create();
    for (const [assignment, words] of [
      ["audience = 'messages'", 'expected an announcement to devices, got 1, which is a mailing'],
      [
        "audience = 'devices', data = '5'",
        'expected a row that can be sent, got 1, which cannot: data: expected',
      ],
    ] as const) {
      await driver.run({ sql: `UPDATE push_announcement SET ${assignment}`, values: [] });
      await expect(tryOut({ announcementId }, ['device:1'])).rejects.toThrow(words);
    }
  });

  test('explain says of a device which tests it got, also where the keys of others begin alike', async () => {
    const announcementId = await create();
    await tryOut({ announcementId }, ['device:1'], () => outcome('rejected', 'SENDER_ID_MISMATCH'));
    await tryOut({ announcementId }, ['device:1', 'device:2']);
    const [one] = await explainDevices({ store }, { kind: 'id', deviceId: 1 });
    expect(one?.tests.map(({ testOf, verdict }) => [testOf, verdict])).toEqual([
      [announcementId, 'delivered'],
      [announcementId, 'rejected'],
    ]);
    const text = describeDevices(await explainDevices({ store }, { kind: 'id', deviceId: 1 }));
    expect(text).toContain(`test of announcement ${announcementId}: FCM accepted it as m`);
    expect(text).toContain('(SENDER_ID_MISMATCH)');
    const [none] = await explainDevices({ store }, { kind: 'id', deviceId: 3 });
    expect(none?.tests).toEqual([]);

    // A key that a caller chose is no test send, and the keys of device 10 are not those of device 1.
    await set(4, 'device_id = 10');
    await tryOut({ announcementId }, ['device:10']);
    const own = { messageKey: 'test:1:mine', source: 'default', recipient: toDevice(1), ttlSeconds: null };
    await sendMessages(makeContext(store), [{ ...own, content: draft.content }]);
    expect(await store.fetchTestDeliveries(1, 10)).toHaveLength(2);
    expect(await store.fetchTestDeliveries(1, 1)).toMatchObject([{ verdict: 'delivered' }]);
    expect(await store.fetchTestDeliveries(10, 10)).toHaveLength(1);
  });

  test('the tests of a device are found by the unique index of keys', async () => {
    const announcementId = await create();
    await tryOut({ announcementId }, ['member:ada']);
    const plan = JSON.stringify(await explain(database.config, (some) => some.fetchTestDeliveries(1, 10)));
    expect(plan).toMatch(
      kind === 'sqlite' ? /autoindex_push_message_1.*PRIMARY KEY/ : /push_message_key.*PRIMARY/,
    );
    expect(plan).not.toContain('SCAN');
  });

  test("a team's own view without is_test has no test devices, and says which column is missing", async () => {
    const announcementId = await create();
    for (const text of [
      'ALTER TABLE push_device RENAME TO own_device',
      'CREATE VIEW push_device AS SELECT device_id, target, target_kind, member_id, created_at, unregistered_at, ' +
        'unregistered_reason, unregistered_by FROM own_device',
    ]) {
      await driver.run({ sql: text, values: [] });
    }
    await expect(tryOut({ announcementId }, ['test'])).rejects.toThrow(
      'push_device.is_test: expected a column, got a view without it',
    );
    expect((await tryOut({ announcementId }, ['device:1'])).brief).toEqual(['1 delivered']);
  });
});
