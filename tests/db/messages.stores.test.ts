import type { NewMessage } from '../../src/model/message.ts';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openDriver } from '../../src/db/open.ts';
import { makeStore } from '../../src/db/store.ts';
import { describeStores, draft, LEASE_MS } from './contract.ts';

await describeStores('messages', ({ store, database }) => {
  /** More than one statement takes: SQLite's limit is 32,766 values. */
  const makeMessages = (prefix: string): NewMessage[] =>
    Array.from({ length: 3000 }, (_, nth) => ({
      ...{ messageKey: `${prefix}-${nth}`, source: 'default', content: draft.content, ttlSeconds: 60 },
      recipient: { deviceId: nth + 1, memberId: null },
    }));

  test('any number of messages is added, and becomes one mailing', async () => {
    await store.addMessages(makeMessages('mailing'), 0);
    const announcementId = (await store.makeMailing('default', 10_000)) ?? 0;
    const ids = await store.fetchMessageIds({ announcementId, round: 0, fromId: 0 }, null, 10_000);
    expect(ids).toHaveLength(3000);
    expect(await store.makeMailing('default', 10_000)).toBeNull();
  });

  test('any number of messages is claimed, each once', async () => {
    const messages = makeMessages('at-once');
    const claims = await store.claimMessages(messages, 'first', LEASE_MS);
    expect(claims).toHaveLength(3000);
    expect(claims.every(({ isMine }) => isMine)).toBe(true);
    const again = await store.claimMessages(messages, 'second', LEASE_MS);
    expect(again.some(({ isMine }) => isMine)).toBe(false);
    expect(again.map(({ messageId }) => messageId)).toEqual(claims.map(({ messageId }) => messageId));
  });

  test('of a page, only the messages that name a template are read with what devices say about themselves', async () => {
    const deviceId = await store.registerDevice({ target: 'told', targetKind: 'token', locale: 'de' });
    const make = (nth: number): NewMessage => ({
      ...{ messageKey: `traits-${nth}`, source: 'traits', content: draft.content, ttlSeconds: 60 },
      recipient: { deviceId, memberId: null },
      ...(nth === 2 ? { template: { name: 'ready', variables: {} } } : {}),
    });
    await store.addMessages([1, 2, 3].map(make), 0);
    const announcementId = (await store.makeMailing('traits', 10)) ?? 0;
    const driver = openDriver(database.config, systemClock);
    const counts: number[] = [];
    const counted = makeStore({
      ...driver,
      async all(statement) {
        const rows = await driver.all(statement);
        if (statement.sql.includes('recipient_id')) counts.push(rows.length);
        return rows;
      },
    });
    const key = { announcementId, round: 0, fromId: 0 };
    const messages = await counted.fetchMessages(key, Number.MAX_SAFE_INTEGER);
    expect(messages.map(({ devices }) => devices.map(({ locale }) => locale))).toEqual([
      [undefined],
      ['de'],
      [undefined],
    ]);
    expect(counts).toEqual([3, 1]);
    await driver.close();
  });
});
