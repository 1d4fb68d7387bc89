import * as z from 'zod';
import type { NewSignal, Signal } from './signal.ts';

/** What FCM's Data API says of one analytics label on one day: Android alone. The shares are percents of what FCM accepted. */
export interface DeliveryDay {
  readonly label: string;
  /** The day on which FCM accepted the pushes, in Los Angeles, such as `2026-11-26`. */
  readonly day: string;
  /** Messages to devices whose owners share diagnostic data. */
  readonly accepted: number;
  /** Null: FCM gives no shares. */
  readonly outcome: DeliveryOutcome | null;
}

export interface DeliveryOutcome {
  readonly delivered: number;
  readonly pending: number;
  /** Replaced by a later message with the same collapse key. */
  readonly collapsed: number;
  readonly dropped: number;
}

export const OUTCOMES = [
  'delivered',
  'pending',
  'collapsed',
  'dropped',
] as const satisfies readonly (keyof DeliveryOutcome)[];

const percent = z.number().min(0).max(100);
const value = z.object({
  accepted: z.int().min(0),
  outcome: z
    .object({ delivered: percent, pending: percent, collapsed: percent, dropped: percent })
    .nullable(),
});

export function toSignal(source: string, { label, day, accepted, outcome }: DeliveryDay): NewSignal {
  return { kind: 'delivery', source, name: label, day, value: JSON.stringify({ accepted, outcome }) };
}

/** Reads the days that were recorded, in their order; a value that cannot be read is left out. */
export function parseDeliveryDays(signals: readonly Signal[]): DeliveryDay[] {
  return signals.flatMap(({ name: label, day, value: text }) => {
    try {
      return [{ label, day, ...value.parse(JSON.parse(text)) }];
    } catch {
      return [];
    }
  });
}

/** Adds up the days of several apps: one entry for each label and day. */
export function addUp(days: readonly DeliveryDay[]): DeliveryDay[] {
  const byDay = Map.groupBy(days, ({ label, day }) => `${day} ${label}`);
  return [...byDay.values()].flatMap(([first, ...rest]) =>
    first === undefined ? [] : [rest.reduce(addTwo, first)],
  );
}

function addTwo(one: DeliveryDay, other: DeliveryDay): DeliveryDay {
  return {
    ...one,
    accepted: one.accepted + other.accepted,
    // A share without the other app's would be one of something else.
    outcome:
      one.outcome === null || other.outcome === null
        ? null
        : {
            delivered: mean(one, other, one.outcome.delivered, other.outcome.delivered),
            pending: mean(one, other, one.outcome.pending, other.outcome.pending),
            collapsed: mean(one, other, one.outcome.collapsed, other.outcome.collapsed),
            dropped: mean(one, other, one.outcome.dropped, other.outcome.dropped),
          },
  };
}

function mean(one: DeliveryDay, other: DeliveryDay, ofOne: number, ofOther: number): number {
  const all = one.accepted + other.accepted;
  return all === 0 ? 0 : (one.accepted * ofOne + other.accepted * ofOther) / all;
}
