import { PushError } from '../errors.ts';
import { findZone, ZONE } from '../model/zones.ts';
import { show } from '../show.ts';

/** `CRON` says what a cron expression looks like, for errors. */
export const CRON = 'five fields of a cron expression, such as 0 9 * * 1';

/** Minute, hour, day of the month, month and day of the week: at most one occurrence a minute. */
const FIVE_FIELDS = /^ *[^ ]{1,80}( +[^ ]{1,80}){4} *$/;

/** The occurrences of a repeated announcement. */
export interface Repeat {
  /** The first occurrence after an instant; null: there is none. Both are milliseconds since the epoch. */
  next(afterMs: number): number | null;
}

/**
 * Opens a cron expression in a time zone. A fixed time that the clocks jump over comes right after the gap, and one that they
 * show twice comes once, at the first. An interval, with `*` or a step in minutes or hours, goes on through the change.
 * PushError('BAD_INPUT') names the field.
 */
export async function openRepeat({ at, zone }: { at: string; zone: string }): Promise<Repeat> {
  if (!FIVE_FIELDS.test(at)) throw refuse('repeat.at', CRON, show(at));
  if (findZone(zone) === null) throw refuse('repeat.zone', ZONE, show(zone));
  // Loaded only where something repeats.
  const { Cron } = await import('croner');
  const open = (): InstanceType<typeof Cron> => {
    try {
      return new Cron(at, { timezone: zone, mode: '5-part', fixedTimeRule: 'no-wildcard', paused: true });
    } catch {
      throw refuse('repeat.at', CRON, show(at));
    }
  };
  const cron = open();
  return { next: (afterMs) => cron.nextRun(new Date(afterMs))?.getTime() ?? null };
}

function refuse(field: string, expected: string, got: string): PushError {
  return PushError.of('BAD_INPUT', [{ field, expected, got }]);
}
