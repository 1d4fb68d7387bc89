/*
 * Times in headers of other services: an HTTP date as in `Sunset: Sat, 31 Oct 2026 23:59:59 GMT` (RFC 8594), a date of a
 * structured field as in `Deprecation: @1688169599` (RFC 9745), or a day as in ISO 8601, which neither of them allows.
 */

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const HTTP_DATE = new RegExp(`\\b(\\d{1,2})[ -](${MONTHS.join('|')})[a-z]*[ -](\\d{4})\\b`, 'gi');
const ISO_DATE = /\b(\d{4})-(\d\d)-(\d\d)(?=\D|$)/g;
const EPOCH_SECONDS = /(?:^|[\s,])@(-?\d{1,11})(?:\.\d+)?(?=[\s,;]|$)/g;

/** Other years are a mistake of the header's author. */
const MIN_MS = Date.UTC(1990, 0, 1);
const MAX_MS = Date.UTC(2200, 0, 1);

/** Finds the earliest day in the value of a header, as the milliseconds at which it begins in UTC; null if there is none. */
export function findTime(value: string): number | null {
  const times = [
    ...[...value.matchAll(HTTP_DATE)].map(([, day, month, year]) =>
      dayAt(
        Number(year),
        MONTHS.findIndex((each) => each.toLowerCase() === month?.toLowerCase()),
        Number(day),
      ),
    ),
    ...[...value.matchAll(ISO_DATE)].map(([, year, month, day]) =>
      dayAt(Number(year), Number(month) - 1, Number(day)),
    ),
    ...[...value.matchAll(EPOCH_SECONDS)].map(([, seconds]) => Number(seconds) * 1000),
  ].filter((ms) => ms >= MIN_MS && ms < MAX_MS);
  return times.length === 0 ? null : Math.min(...times);
}

/** A day that no calendar has, such as 31 June, is not a number. */
function dayAt(year: number, month: number, day: number): number {
  const time = new Date(Date.UTC(year, month, day));
  return time.getUTCMonth() === month && time.getUTCDate() === day ? time.getTime() : Number.NaN;
}
