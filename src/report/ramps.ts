import type { PaceConfig } from '../config/config.ts';
import type { Budget } from '../model/budget.ts';
import type { HopSummary } from '../model/summary.ts';
import { riseMsOf } from '../pace/slot.ts';
import type { Band } from './bands.ts';
import { firstOpenedOf } from './sums.ts';

/** A time in which the rate of a source rises to the full rate. */
export interface Ramp {
  readonly kind: 'ramp';
  readonly from: number;
  readonly to: number;
  /** When the rate is full, if no brake interrupts the ramp. */
  readonly fullAt: number;
}

export interface RampInput {
  readonly hops: readonly HopSummary[];
  readonly pace: PaceConfig;
  /** When the last ramp of the source began; null: not known. */
  readonly rampFrom: number | null;
}

/**
 * `rampsOf` lists the ramps of an announcement's source. The database knows when the last one began. An earlier one began
 * with the first slot, and was interrupted by a brake: after a brake that was not an outage, the rate goes on from half.
 */
export function rampsOf({ hops, pace, rampFrom }: RampInput, bands: readonly Band[]): Ramp[] {
  const riseMs = riseMsOf(pace);
  const brakes = bands.filter(({ kind }) => kind !== 'paused');
  const firstAt = firstOpenedOf(hops);
  const last = rampFrom === null ? [] : [makeRamp(rampFrom, rampFrom + riseMs, rampFrom + riseMs)];
  // Without a ramp, the rate rises after a brake only.
  if (brakes.length === 0) return pace.rampMs === 0 ? [] : last;
  if (firstAt === null) return last;
  const ramps: Ramp[] = [];
  // When the rate would have been zero: before the ramp goes on, if that is after a brake.
  let zeroAt = pace.rampMs === 0 ? firstAt - riseMs : firstAt;
  let from = firstAt;
  for (const brake of brakes) {
    ramps.push(makeRamp(from, Math.min(brake.from, zeroAt + riseMs), zeroAt + riseMs));
    const ageMs = Math.min(riseMs, Math.max(0, brake.from - zeroAt));
    zeroAt = brake.to - (brake.kind === 'throttled' ? ageMs / 2 : ageMs);
    from = brake.to;
  }
  ramps.push(makeRamp(from, zeroAt + riseMs, zeroAt + riseMs));
  return ramps.filter((ramp) => ramp.to > ramp.from);
}

/**
 * `rampFromOf` is when the ramp of an announcement began, in milliseconds since the epoch. The database knows only the last ramp
 * of a source: if that began after the end, the announcement had one of its own, from its first push.
 */
export function rampFromOf({
  hops,
  budget,
  now,
  endedAt,
}: Pick<RampInput, 'hops'> & {
  readonly budget: Pick<Budget, 'rampAgeMs'> | null;
  readonly now: number;
  readonly endedAt: number;
}): number | null {
  const last = budget === null ? null : now - budget.rampAgeMs;
  return last === null || last > endedAt ? firstOpenedOf(hops) : last;
}

function makeRamp(from: number, to: number, fullAt: number): Ramp {
  return { kind: 'ramp', from, to, fullAt };
}
