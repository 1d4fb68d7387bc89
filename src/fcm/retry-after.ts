import { MAX_RETRY_AFTER_MS } from '../model/delivery.ts';

/** Seconds. RFC 9110 has whole ones; a fraction or a header that was sent twice is understood too, a sign is not. */
const SECONDS = /^\d+(\.\d+)?(\s*,\s*\d+(\.\d+)?)*$/;

/** The three forms of a date in HTTP (RFC 9110, 5.6.7). Date.parse alone would take `-5` and `1.5` for dates of 2001. */
const DATES = [
  /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/,
  /^[A-Z][a-z]{5,8}, \d\d-[A-Z][a-z]{2}-\d\d \d\d:\d\d:\d\d GMT$/,
];
const DATE_WITHOUT_ZONE = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/;

/** The wait that a Retry-After header asks for, at most MAX_RETRY_AFTER_MS; null if it is missing or not a wait. */
export function parseRetryAfter(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  const text = header.trim();
  const waitMs = SECONDS.test(text)
    ? Math.ceil(Math.max(...text.split(',').map(Number)) * 1000)
    : parseDate(text) - nowMs;
  return Number.isNaN(waitMs) ? null : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, waitMs));
}

function parseDate(text: string): number {
  if (DATES.some((form) => form.test(text))) return Date.parse(text);
  return DATE_WITHOUT_ZONE.test(text) ? Date.parse(`${text} GMT`) : Number.NaN;
}
