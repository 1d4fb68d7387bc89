const COUNT = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** `formatCount` rounds a number and groups its digits: 1234567.8 becomes 1,234,568. */
export function formatCount(number: number): string {
  return COUNT.format(number);
}

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

const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000];

/** `formatDuration` writes milliseconds in the two largest units: 3 min 31 s. */
export function formatDuration(ms: number): string {
  if (ms < SECOND) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 9.95 * SECOND) return `${(ms / SECOND).toFixed(1)} s`;
  const seconds = Math.round(ms / SECOND);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return join(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.round(ms / MINUTE);
  if (minutes < 1440) return join(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.round(ms / HOUR);
  return join(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function join(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** `formatTime` writes a time as 2026-12-24 18:07:31, in UTC. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

/** `formatElapsed` writes the time since a start as a clock does: 3:31, 1:03:31, or 2 d 1 h. */
export function formatElapsed(ms: number): string {
  if (ms >= DAY) return formatDuration(ms);
  const seconds = Math.max(0, ms) / SECOND;
  const whole = Math.floor(seconds + 1e-6);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const part = seconds - whole > 0.05 ? (seconds - whole).toFixed(1).slice(1) : '';
  const clock = `${hours > 0 ? pad(minutes) : minutes}:${pad(whole % 60)}${part}`;
  return hours > 0 ? `${hours}:${clock}` : clock;
}

function pad(number: number): string {
  return String(number).padStart(2, '0');
}
