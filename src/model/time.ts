import * as z from 'zod';

/** `TIME` says what a time looks like, for errors. */
export const TIME = 'a time with its zone, such as 2026-12-24T18:07+01:00';

const PATTERN =
  /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)? ?(?:Z|([+-])(\d\d)(?::?(\d\d))?)$/i;

/** The range of a time in the database, in milliseconds since the epoch. Earlier times are slips of the pen. */
const MIN_MS = 0;
const MAX_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** No zone is further from UTC: the Line Islands are at +14:00. */
const MAX_OFFSET_MINUTES = 14 * 60;

/** What a time has to be if its day or its hour does not exist. */
const EXISTING = 'a day, an hour and a zone that exist, from 1970 to 9999';

/** `ParsedTime` is a time in milliseconds since the epoch, or what was expected instead of the text. */
export type ParsedTime = { readonly ms: number } | { readonly expected: string };

/**
 * `parseTime` parses a time as ISO 8601 has it. The zone is `Z` or an offset, `+01:00` or `+0100`: without it, machines
 * would differ on which time it is. Seconds are optional. A day that the calendar does not have, such as 30 February, is
 * refused: `Date` would take it for 2 March.
 */
export function parseTime(text: string): ParsedTime {
  const match = PATTERN.exec(text);
  if (match === null) return { expected: TIME };
  const part = (nth: number): number => Number(match[nth] ?? 0);
  const [year, month, day, hour, minute, second] = [part(1), part(2), part(3), part(4), part(5), part(6)];
  const milliseconds = Number((match[7] ?? '').padEnd(3, '0').slice(0, 3));
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const isDay = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  const offsetMinutes = (part(9) * 60 + part(10)) * (match[8] === '-' ? -1 : 1);
  const isZone = Math.abs(offsetMinutes) <= MAX_OFFSET_MINUTES && part(10) <= 59;
  const ms = date.getTime() + ((hour * 60 + minute - offsetMinutes) * 60 + second) * 1000 + milliseconds;
  const exists = isDay && isZone && hour <= 23 && minute <= 59 && second <= 59;
  return exists && ms >= MIN_MS && ms <= MAX_MS ? { ms } : { expected: EXISTING };
}

/** `timeSchema` parses a time in a request to milliseconds since the epoch. */
export const timeSchema = z
  .string({ error: TIME })
  .meta({ format: 'date-time' })
  .transform((text, ctx): number => {
    const time = parseTime(text);
    if ('ms' in time) return time.ms;
    ctx.issues.push({ code: 'invalid_format', format: 'datetime', message: time.expected, input: text });
    return z.NEVER;
  });

/** A time that has passed by less is as good as now: clocks differ. */
const MAX_LATE_MS = 60_000;

/** `isPast` is true for a time that has clearly passed, which is probably not what its author meant. */
export function isPast(ms: number, nowMs: number): boolean {
  return ms < nowMs - MAX_LATE_MS;
}
