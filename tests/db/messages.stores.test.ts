import type { NewMessage } from '../../src/model/message.ts';
import { expect, test } from 'vitest';
import { describeStores, draft, LEASE_MS } from './contract.ts';

await describeStores('messages', ({ store }) => {
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
});
