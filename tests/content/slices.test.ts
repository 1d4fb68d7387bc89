import { expect, test } from 'vitest';
import { fetchPage } from '../../src/broadcast/page.ts';
import { slicesOf } from '../../src/content/slices.ts';
import type { Context } from '../../src/context.ts';
import { fillIn } from '../../src/messages/fill-in.ts';
import type { SendableAnnouncement } from '../../src/model/announcement.ts';
import type { Device } from '../../src/model/device.ts';
import type { Hop } from '../../src/model/hop.ts';
import type { Message } from '../../src/model/message.ts';
import { NO_CONTENT } from '../../src/model/message-template.ts';
import type { Attributes } from '../../src/model/member.ts';
import { makeTestClock } from '../support/clock.ts';

async function slice<T>(items: readonly T[], devicesOf?: (item: T) => number): Promise<number[]> {
  const lengths: number[] = [];
  const all: T[] = [];
  for await (const each of slicesOf(items, devicesOf)) {
    lengths.push(each.length);
    all.push(...each);
  }
  expect(all).toEqual(items);
  return lengths;
}

test.each([
  [0, 1, []],
  [1, 1, [1]],
  [250, 1, [250]],
  [501, 1, [250, 250, 1]],
  [5, 100, [2, 2, 1]],
  [3, 1000, [1, 1, 1]],
  [700, 0, [700]],
])('%i items of %i devices are divided into %j', async (count, devices, lengths) => {
  const items = Array.from({ length: count }, (_, nth) => nth);
  expect(await slice(items, () => devices)).toEqual(lengths);
});

const DEVICES = Array.from({ length: 1000 }, (_, nth): Device => {
  return { deviceId: nth + 1, target: `t${nth}`, targetKind: 'token', memberId: `m${nth + 1}` };
});
const CONTENT = { ...NO_CONTENT, title: 'Hi {{ member.id }}', body: 'b' };
const LEASE_MS = 30_000;

/** A store whose members take so long to read that the lease would run out. */
function makeStore() {
  const clock = makeTestClock();
  const asked: number[] = [];
  let extended = 0;
  const store = {
    fetchPage: async () => DEVICES,
    fetchTwins: async () => new Set<number>(),
    fetchMembers: async (memberIds: readonly string[]) => {
      asked.push(memberIds.length);
      await clock.advance(LEASE_MS / 2);
      return new Map<string, Attributes>();
    },
    fetchTemplates: async () => new Map([['hi', { content: CONTENT, ttlSeconds: null, locales: null }]]),
    extendLease: async () => {
      extended++;
      return true;
    },
  };
  const log = { info: () => {}, error: () => {} };
  const config = { pageSize: 1000, leaseMs: LEASE_MS };
  const ctx = { store, log, config, clock } as unknown as Context;
  return { ctx, asked, extended: () => extended };
}

test('a page reads its members in slices, and its lease is extended meanwhile', async () => {
  const { ctx, asked, extended } = makeStore();
  const announcement = {
    ...{ announcementId: 1, audience: 'devices', content: CONTENT, template: 'liquid', ttlSeconds: null },
  } as unknown as SendableAnnouncement;
  const hop = { announcementId: 1, round: 0, fromId: 0, toId: null, page: null, isCanary: false };
  const { pushes } = await fetchPage(ctx, hop as Hop, announcement);
  expect(pushes.map(({ own }) => own?.content.title)).toEqual(DEVICES.map((each) => `Hi ${each.memberId}`));
  expect(asked).toEqual([250, 250, 250, 250]);
  expect(extended()).toBeGreaterThanOrEqual(3);
});

test('the templates of messages read their members in slices of devices, and are written in order', async () => {
  const { ctx, asked } = makeStore();
  const messages = Array.from({ length: 300 }, (_, nth): Message => {
    return {
      ...{ messageId: nth + 1, content: NO_CONTENT, problem: null, ttlSeconds: null, expiresInMs: null },
      devices: DEVICES.slice(nth * 2, nth * 2 + 2),
      template: { name: 'hi', variables: {} },
    };
  });
  const filled = await fillIn(ctx, messages);
  expect(filled.map(({ messageId }) => messageId)).toEqual(messages.map(({ messageId }) => messageId));
  expect(filled[299]?.filled?.get(600)).toMatchObject({ content: { title: 'Hi m600' } });
  expect(asked).toEqual([250, 250, 100]);
});

test('whatever waits gets its turn between two slices', async () => {
  let turns = 0;
  const takeTurn = (): void => {
    if (++turns < 3) setImmediate(takeTurn);
  };
  setImmediate(takeTurn);
  const seen: number[] = [];
  for await (const _ of slicesOf(DEVICES)) seen.push(turns);
  expect(seen).toEqual([0, 1, 2, 3]);
});
