import * as z from 'zod';
import type { KindCounts } from './device.ts';
import type { NewSignal, Signal } from './signal.ts';

/** How many devices have a token and how many a FID, once a day; `value` is the counts as JSON. */
export const TARGETS_SIGNAL = { kind: 'targets', source: '', name: 'devices' } as const satisfies Omit<
  NewSignal,
  'value'
>;

const counts = z.object({ token: z.int().min(0), fid: z.int().min(0) });

/** The devices of one day. */
export interface TargetsOfDay extends KindCounts {
  /** Such as `2026-11-26`. */
  readonly day: string;
}

/** `parseTargets` reads the days that were recorded, the latest first; a value that cannot be read is left out. */
export function parseTargets(signals: readonly Signal[]): TargetsOfDay[] {
  return signals.flatMap(({ name, day, value }) => {
    if (name !== TARGETS_SIGNAL.name) return [];
    try {
      return [{ day, ...counts.parse(JSON.parse(value)) }];
    } catch {
      return [];
    }
  });
}
