import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { AHEAD_MS, findFirstTime, makeParts, MAX_LATE_MS } from '../../src/broadcast/series.ts';
import type { Announcement } from '../../src/model/announcement.ts';
import { findZone } from '../../src/model/zones.ts';
import type { Store } from '../../src/store.ts';
import { clockThatSays } from '../support/clock.ts';
import { draft, makeContext } from '../support/context.ts';
import { fuzzing } from '../support/fuzz.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Zones, and a midnight (UTC) shortly before their clocks change. */
const CHANGES = [
  { zone: 'Europe/Berlin', at: '2026-03-28' },
  { zone: 'Europe/Berlin', at: '2026-10-24' },
  { zone: 'Australia/Lord_Howe', at: '2026-04-04' },
  { zone: 'Australia/Lord_Howe', at: '2026-10-03' },
  { zone: 'America/New_York', at: '2026-11-01' },
] as const;

/** Cron expressions, and the times of day that they name; of an interval, the minutes between two occurrences. */
const PLANS = [
  { at: '30 2 * * *', times: ['02:30'] },
  { at: '0,45 1-2 * * *', times: ['01:00', '01:45', '02:00', '02:45'] },
  { at: '15 0,2,3 * * *', times: ['00:15', '02:15', '03:15'] },
  { at: '*/15 * * * *', everyMs: 15 * MINUTE },
  { at: '0 * * * *', everyMs: HOUR },
] as const;

/** Ticks: how long after the one before, how many run at the same time, and whether they die before their end. */
const ticks = fc.array(
  fc.record({
    afterMs: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 1000, max: 10 * MINUTE }) },
      { weight: 1, arbitrary: fc.integer({ min: 10 * MINUTE, max: 5 * HOUR }) },
    ),
    overlap: fc.integer({ min: 1, max: 3 }),
    dies: fc.integer({ min: 0, max: 4 }).map((nth) => nth === 0),
  }),
  { minLength: 1, maxLength: 60 },
);

/** A store that has one announcement in parts, and yields before each answer as a database does. */
function makeStore(): {
  store: Store;
  due: { at: number | null };
  parts: Map<string, number>;
  dies: { now: boolean };
} {
  const parts = new Map<string, number>();
  const due = { at: null as number | null };
  const dies = { now: false };
  const store = {
    async createAnnouncementOnce(_announcement: unknown, key: string, publishAt: number) {
      await Promise.resolve();
      const isNew = !parts.has(key);
      if (isNew) parts.set(key, publishAt);
      return { announcementId: parts.size, isNew, isSame: true };
    },
    fetchParts: async () => [],
    async moveTime(_id: number, was: number | null, { publishAt }: { publishAt: number }) {
      await Promise.resolve();
      if (dies.now) throw new Error('killed');
      if (due.at !== was) return false;
      due.at = publishAt;
      return true;
    },
  };
  return { store: store as Partial<Store> as Store, due, parts, dies };
}

/** What a person expects: each time of each day once, by the clocks of the zone; an interval by the time that passes. */
function listExpected(plan: (typeof PLANS)[number], zoneName: string, from: number, to: number): number[] {
  const zone = findZone(zoneName);
  if (zone === null) throw new Error(zoneName);
  const instants = new Set<number>();
  if ('everyMs' in plan) {
    for (let at = Math.ceil(from / MINUTE) * MINUTE; at <= to; at += MINUTE) {
      if (zone.wallOf(at) % plan.everyMs === 0) instants.add(at);
    }
    return [...instants];
  }
  for (let day = Math.floor(from / DAY) * DAY - DAY; day <= to + DAY; day += DAY) {
    for (const time of plan.times) instants.add(zone.instantOf(day + Date.parse(`1970-01-01T${time}Z`)));
  }
  return [...instants].filter((at) => at >= from && at <= to);
}

test('each occurrence is made once, whenever ticks come, overlap or die, over a change of the clocks', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...CHANGES),
      fc.constantFrom(...PLANS),
      fc.integer({ min: 0, max: 20 * 60 }),
      ticks,
      async ({ zone, at }, plan, startMinute, all) => {
        const startMs = Date.parse(`${at}T00:00Z`) + startMinute * MINUTE;
        let now = startMs;
        const { store, due, parts, dies } = makeStore();
        const ctx = makeContext(store, { clock: clockThatSays(() => now) });
        const announcement: Announcement = {
          ...draft,
          ...{ announcementId: 1, problem: null, edited: [], audience: 'devices', status: 'scheduled' },
          ...{ acceptUnregistered: false, statusReason: null },
          repeat: { at: plan.at, zone },
        };
        due.at = await findFirstTime(ctx, announcement);
        const passed: number[] = [];
        for (const { afterMs, overlap, dies: isDeadly } of all) {
          now += afterMs;
          if (due.at > now + AHEAD_MS) {
            passed.push(now);
            continue;
          }
          dies.now = isDeadly;
          const was = due.at;
          const attempts = Array.from({ length: overlap }, () => makeParts(ctx, announcement, was));
          const results = await Promise.allSettled(attempts);
          expect(results.every(({ status }) => (status === 'fulfilled') === !isDeadly)).toBe(true);
          passed.push(now);
        }
        const isSeen = (instant: number): boolean =>
          passed.some((tick) => tick >= instant - AHEAD_MS && tick <= instant + MAX_LATE_MS);
        const expected = listExpected(plan, zone, startMs, now + AHEAD_MS).filter(isSeen);
        const made = [...parts.values()].toSorted((one, other) => one - other);
        expect(made.map((each) => new Date(each).toISOString())).toEqual(
          expected.toSorted((one, other) => one - other).map((each) => new Date(each).toISOString()),
        );
      },
    ),
    fuzzing(0.2),
  );
});
