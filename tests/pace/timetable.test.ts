import { expect, test } from 'vitest';
import type { Hop } from '../../src/model/hop.ts';
import { Timetable } from '../../src/pace/timetable.ts';
import type { Budget } from '../../src/model/budget.ts';
import type { Store } from '../../src/store.ts';
import { makeTestClock } from '../support/clock.ts';
import { draft, makeContext } from '../support/context.ts';
import type { SendableAnnouncement } from '../../src/model/announcement.ts';

const HOP: Hop = {
  ...{ announcementId: 1, round: 0, fromId: 0, owner: 'one', claims: 1, isTakenOver: false },
  ...{ toId: null, page: null, handedOver: false, isCanary: false },
};
const ANNOUNCEMENT: SendableAnnouncement = {
  ...{ ...draft, announcementId: 1, problem: null, edited: [], audience: 'devices', status: 'running' },
  ...{ acceptUnregistered: false, statusReason: null },
};
const FREE: Budget = {
  ...{ version: 1, freeInMs: 0, spreadInMs: 0, urgentInMs: 0, urgentMs: 0, rampAgeMs: 900_000 },
  ...{ brakeMs: -1000, brakes: 0, outages: 0, turnInMs: 0, answerMs: 0 },
};
const DEVICES = Array.from({ length: 98 }, (_, nth) => ({
  deviceId: nth + 1,
  target: `target-${nth + 1}`,
  targetKind: 'token' as const,
}));

/** A page of 98 devices that takes a second of the budget, and a budget that says what the test wants. */
function makePage(budget: () => Partial<Budget> = () => ({}), { isRunning = true } = {}) {
  const clock = makeTestClock({ isEager: true });
  const calls = {
    holds: 0,
    reservations: 0,
    returned: [] as number[],
    ends: [] as number[],
    postponed: [] as number[],
  };
  const store: Partial<Store> = {
    fetchBudget: async () => ({ ...FREE, ...budget() }),
    reserveBudget: async () => {
      calls.reservations++;
      return true;
    },
    returnBudget: async (_source, { ms, endsInMs }) => {
      calls.returned.push(ms);
      calls.ends.push(endsInMs);
    },
    postponeHop: async (_hop, wakeInMs) => void calls.postponed.push(wakeInMs),
    holdHop: async () => {
      calls.holds++;
      return isRunning;
    },
  };
  const ctx = makeContext(store as Store, { clock, env: { FCM_MESSAGES_PER_MINUTE: '6000' } });
  return { clock, calls, ctx, timetable: new Timetable(ctx, HOP, ANNOUNCEMENT, DEVICES) };
}

test('devices become due evenly over the slot', async () => {
  const { clock, timetable } = makePage();
  expect(timetable.dueCount(clock.now())).toBe(0);
  expect(await timetable.waitForSlot()).toBe('go');
  const opensAt = clock.now();
  expect([0, 9, 10, 499, 1000, 5000].map((ms) => timetable.dueCount(opensAt + ms))).toEqual([
    ...[1, 1, 1, 49, 98, 98],
  ]);
  expect(timetable.dueAt(0)).toBe(opensAt);
  expect(timetable.dueAt(49)).toBe(opensAt + 500);
});

test('a hop whose window was full keeps its place: the rest is due later by as much', async () => {
  const { clock, calls, timetable } = makePage();
  await timetable.waitForSlot();
  const opensAt = clock.now();
  await clock.advance(5000);
  timetable.delay(5000);
  expect(timetable.dueCount(clock.now())).toBe(1);
  expect(await timetable.check(1)).toBe('go');
  expect(calls.reservations).toBe(1);
  expect(timetable.dueAt(49)).toBe(opensAt + 5500);
});

test('a process that stood still does not catch up: the rest of its page gets a new slot', async () => {
  const { clock, calls, timetable } = makePage();
  await timetable.waitForSlot();
  await clock.advance(5000);
  expect(await timetable.check(49)).toBe('go');
  expect(calls.reservations).toBe(2);
  expect(timetable.dueCount(clock.now())).toBe(50);
});

test('urgent messages and brakes that the budget tells of delay the rest', async () => {
  let urgentMs = 0;
  const { clock, timetable } = makePage(() => ({ urgentMs }));
  await timetable.waitForSlot();
  const opensAt = clock.now();
  urgentMs = 300;
  await timetable.check(0);
  expect(clock.now()).toBe(opensAt + 300);
  expect(timetable.dueAt(49)).toBe(opensAt + 800);
});

test('a hop that waits for its turn again and again keeps its lease', async () => {
  let asked = 0;
  const { calls, timetable } = makePage(() => ({ turnInMs: ++asked <= 60 ? 900 : 0 }));
  expect(await timetable.waitForSlot()).toBe('go');
  // 60 waits of 900 ms, and a lease of 30 s that is extended after each third of it.
  expect(calls.holds).toBe(5);
});

test('what a hop does not use of its slot goes back, but for the time that is over', async () => {
  const { clock, calls, timetable } = makePage();
  await timetable.waitForSlot();
  await timetable.giveUp(49);
  expect(calls.returned).toEqual([500]);
  expect(timetable.dueCount(clock.now())).toBe(0);

  await timetable.check(49);
  await clock.advance(900);
  await timetable.giveUp(90);
  await timetable.giveUp(90);
  expect(calls.returned).toEqual([500]);
});

test('a hop that cannot wait for its slot reserves none: its next invocation does not wait behind it', async () => {
  const { calls, timetable } = makePage(() => ({ freeInMs: 400_000, spreadInMs: 400_000 }));
  expect(await timetable.waitForSlot()).toBe('stopped');
  expect(calls).toMatchObject({ postponed: [400_000], reservations: 0, returned: [] });
});

test('a hop whose slot urgent messages delay for longer than its invocation lasts gives it back', async () => {
  let urgentMs = 0;
  const { clock, calls, timetable } = makePage(() => ({ freeInMs: 100_000, spreadInMs: 100_000, urgentMs }));
  void clock.sleep(50_000).then(() => (urgentMs = 400_000));
  expect(await timetable.waitForSlot()).toBe('stopped');
  expect(calls).toMatchObject({ reservations: 1, returned: [1000], ends: [401_000] });
});

test('a hop that stops before its slot gives it back', async () => {
  const { calls, timetable } = makePage(() => ({ freeInMs: 100_000, spreadInMs: 100_000 }), {
    isRunning: false,
  });
  expect(await timetable.waitForSlot()).toBe('stopped');
  expect(calls).toMatchObject({ holds: 1, postponed: [], returned: [1000], ends: [91_000] });
});
