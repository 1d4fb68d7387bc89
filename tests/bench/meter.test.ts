import { expect, test } from 'vitest';
import { startMeter } from './peers/meter.ts';

const period = { leadMs: 500, measureMs: 1000 };

test('a meter counts from the first answer after the lead to the first answer after the period', () => {
  const world = { nowMs: 0, cpu: 0 };
  const meter = startMeter(period, { now: () => world.nowMs, cpuUs: () => world.cpu });
  const answer = (nowMs: number, count: number, cpu: number): void => {
    Object.assign(world, { nowMs, cpu });
    meter.noteAccepted(count);
  };
  answer(400, 500, 10_000);
  answer(700, 500, 20_000);
  answer(1200, 500, 40_000);
  expect(meter.result()).toBeNull();
  answer(1950, 500, 80_000);
  expect(meter.result()).toEqual({ messagesPerSecond: 800, cpuUs: 60 });
});

test('a supply gives targets until the period has ended, and none after it', () => {
  const world = { nowMs: 0 };
  const meter = startMeter({ leadMs: 0, measureMs: 0 }, { now: () => world.nowMs, cpuUs: () => 0 });
  expect(meter.take(2)).toHaveLength(2);
  meter.noteAccepted(1);
  expect(meter.take(1)).toHaveLength(1);
  meter.noteAccepted(1);
  expect(meter.take(1)).toEqual([]);
});
