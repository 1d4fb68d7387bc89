import { findZone, ZONE } from './zones.ts';

/** What becomes of a broadcast that is due in quiet hours: `hold` starts it at their end, `expire` cancels it. */
export const QUIET_RULES = ['hold', 'expire'] as const;
export type QuietRule = (typeof QUIET_RULES)[number];

/** Hours of each day in which a source starts no broadcast and no mailing. */
export interface QuietHours {
  /** Minutes since midnight. Where `to` is less than `from`, the hours go over midnight. */
  readonly from: number;
  readonly to: number;
  readonly zone: string;
  readonly rule: QuietRule;
}

/** `QUIET_HOURS` says what quiet hours look like, for errors. */
export const QUIET_HOURS = `two times of day, ${ZONE}, and ${QUIET_RULES.join(' or ')}, such as 22:00-08:00 Europe/Berlin hold`;

const PATTERN = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d) +(\S{1,64}) +(\w+)$/;

const MS_PER_MINUTE = 60_000;
const MS_PER_DAY = 86_400_000;

/** `parseQuietHours` parses a text such as `22:00-08:00 Europe/Berlin hold`; null: it is none. */
export function parseQuietHours(text: string): QuietHours | null {
  const match = PATTERN.exec(text.trim());
  if (match === null) return null;
  const [, fromHour, fromMinute, toHour, toMinute, zone = '', word] = match;
  const from = Number(fromHour) * 60 + Number(fromMinute);
  const to = Number(toHour) * 60 + Number(toMinute);
  const rule = QUIET_RULES.find((each) => each === word);
  if (rule === undefined || from === to || findZone(zone) === null) return null;
  return { from, to, zone, rule };
}

/** When the quiet hours end that it is in now, in milliseconds since the epoch; null: none. */
export function quietUntil(quiet: QuietHours | null | undefined, nowMs: number): number | null {
  const zone = quiet ? findZone(quiet.zone) : null;
  if (!quiet || zone === null) return null;
  const wallMs = zone.wallOf(nowMs);
  const midnightMs = Math.floor(wallMs / MS_PER_DAY) * MS_PER_DAY;
  const minute = (wallMs - midnightMs) / MS_PER_MINUTE;
  const { from, to } = quiet;
  const isOverMidnight = to < from;
  const isQuiet = isOverMidnight ? minute >= from || minute < to : minute >= from && minute < to;
  if (!isQuiet) return null;
  const days = isOverMidnight && minute >= from ? 1 : 0;
  const endMs = zone.instantOf(midnightMs + days * MS_PER_DAY + to * MS_PER_MINUTE);
  // The clocks were set back over the end: it has been.
  return endMs > nowMs ? endMs : null;
}
