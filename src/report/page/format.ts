import { formatCount, formatDuration } from '../../words.ts';

/** `formatRate` writes a number per second: one below ten has a decimal. */
export function formatRate(perSecond: number): string {
  return perSecond >= 10 || perSecond === 0 ? formatCount(perSecond) : perSecond.toFixed(1);
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

const DAY_MS = 86_400_000;

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

function pad(number: number): string {
  return String(number).padStart(2, '0');
}
