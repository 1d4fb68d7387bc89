const DAY_MS = 86_400_000;

/** `formatCount` writes a number with commas: 1,812,344. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** `countOf` writes a number with its noun: `1 hop`, `2 hops`. */
export function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`;
}

/** `formatDuration` writes milliseconds for a person: `840 ms`, `12.3 s`, `3 min 31 s`, `2 h 5 min`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const wholeMinutes = Math.round(seconds / 60);
  return `${Math.floor(wholeMinutes / 60)} h ${wholeMinutes % 60} min`;
}

/** `formatMinutes` writes milliseconds in whole minutes, where nobody asks for the seconds: `7 min`. */
export function formatMinutes(ms: number): string {
  return `${Math.floor(ms / 60_000)} min`;
}

/** `formatElapsed` writes the time since a start as a clock does: 3:31, 1:03:31. */
export function formatElapsed(ms: number): string {
  if (ms >= DAY_MS) return formatDuration(ms);
  const seconds = Math.max(0, ms) / 1000;
  const whole = Math.floor(seconds + 1e-6);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const part = seconds - whole > 0.05 ? (seconds - whole).toFixed(1).slice(1) : '';
  const clock = `${hours > 0 ? pad(minutes) : minutes}:${pad(whole % 60)}${part}`;
  return hours > 0 ? `${hours}:${clock}` : clock;
}

/** `formatTimer` writes a time in whole seconds, rounded up, as a clock does: 12:35. */
export function formatTimer(ms: number): string {
  return formatElapsed(Math.ceil(Math.max(0, ms) / 1000) * 1000);
}

/**
 * `formatShare` writes a share as a percentage. What is not nearly all or nearly nothing has one decimal; 100% and 0% are
 * exact: 999,999 of 1,000,000 are 99.99%.
 */
export function formatShare(part: number, whole: number): string {
  if (whole <= 0) return '–';
  const percent = (100 * part) / whole;
  if (percent === 0 || percent === 100) return `${percent}%`;
  if (percent < 0.01) return '<0.01%';
  if (percent < 0.1 || percent > 99.9) return `${(Math.floor(percent * 100) / 100).toFixed(2)}%`;
  return `${percent.toFixed(1)}%`;
}

/** `formatWholeShare` writes a share from 0 to 1 in whole percent, where it changes all the time. It rounds down: 100% is all. */
export function formatWholeShare(share: number): string {
  return `${Math.floor(100 * share + 1e-9)}%`;
}

/** `formatTime` writes the day and the time to the second, in UTC: `2026-12-24 18:07:12`. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

/** `formatMinute` writes the day and the time to the minute, in UTC: `2026-12-24 18:07`. */
export function formatMinute(ms: number): string {
  return formatTime(ms).slice(0, 16);
}

/** `formatClock` writes the time of day in UTC, to the tenth of a second: `18:07:12.4`. */
export function formatClock(ms: number): string {
  return new Date(ms).toISOString().slice(11, 21);
}

/** `toIso` writes a time as ISO 8601 has it, for programs; null stays null. */
export function toIso<Time extends number | null>(ms: Time): Time extends null ? null : string;
export function toIso(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

/** The day of a time in UTC, such as `2026-11-26`. */
export function toDay(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 10);
}

/** `onOneLine` makes a text that may come from outside fit for a line of a terminal. */
export function onOneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
}

function pad(number: number): string {
  return String(number).padStart(2, '0');
}
