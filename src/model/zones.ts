import { parseTime } from './time.ts';

/*
 * Wall-clock times and time zones. A wall-clock time is a number: the milliseconds since the epoch at which UTC would have
 * this time on its clocks.
 */

/** `WALL_TIME` says what a wall-clock time looks like, for errors. */
export const WALL_TIME = 'a time without a zone, such as 2026-12-24T18:00';

/** `ZONE` says what a time zone looks like, for errors. */
export const ZONE = 'a time zone such as Europe/Berlin';

/** The clocks of a time zone. */
export interface Zone {
  /** What the clocks say at an instant (milliseconds since the epoch). */
  wallOf(ms: number): number;
  /**
   * The instant at which the clocks say a wall-clock time: the first one if there are two, because the clocks are set back; the
   * end of the gap if there is none, because they are set forward over this time.
   */
  instantOf(wallMs: number): number;
}

const PATTERN = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?$/;

/** More than the offset of any zone, and less than the time between two changes of a zone's clocks. */
const AROUND_MS = 2 * 86_400_000;

/** `parseWallTime` parses a wall-clock time; null: it is none. */
export function parseWallTime(text: string): number | null {
  const time = PATTERN.test(text) ? parseTime(`${text}Z`) : null;
  return time !== null && 'ms' in time ? time.ms : null;
}

/** The clocks of an IANA time zone; null if this machine does not know its name. */
export function findZone(name: string): Zone | null {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      calendar: 'iso8601',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch {
    return null;
  }
  const wallOf = (ms: number): number => {
    const parts = new Map(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
    const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
    const day = Date.UTC(part('year'), part('month') - 1, part('day'));
    const second = Math.floor(ms / 1000) * 1000;
    return day + ((part('hour') * 60 + part('minute')) * 60 + part('second')) * 1000 + (ms - second);
  };
  const offsetAt = (ms: number): number => wallOf(ms) - ms;
  return {
    wallOf,
    instantOf(wallMs) {
      const offsets = [offsetAt(wallMs - AROUND_MS), offsetAt(wallMs + AROUND_MS)];
      let [early, late] = [wallMs - Math.max(...offsets), wallMs - Math.min(...offsets)];
      if (wallOf(early) === wallMs) return early;
      if (wallOf(late) === wallMs) return late;
      // The clocks jump over this time somewhere between the two.
      while (late - early > 1) {
        const middle = Math.floor((early + late) / 2);
        if (wallOf(middle) > wallMs) late = middle;
        else early = middle;
      }
      return late;
    },
  };
}
