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

/** `onOneLine` makes a text that may come from outside fit for a line of a terminal. */
export function onOneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
}
