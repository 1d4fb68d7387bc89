import type { NoticeLevel } from '../model/notice.ts';
import { toDay } from '../words.ts';

export const MS_PER_DAY = 86_400_000;

/** Days before a date from which it is reported. */
export const AMBER_DAYS = 180;
export const RED_DAYS = 60;

/** How urgent a date is: red from 60 days before it on, amber from 180 days before it; null: it is far away. */
export function levelOf(dueOn: string, nowMs: number): NoticeLevel | null {
  const days = daysUntil(dueOn, nowMs);
  if (days <= RED_DAYS) return 'red';
  return days <= AMBER_DAYS ? 'amber' : null;
}

/** Whole days from today until a day, in UTC; negative: it is past. */
export function daysUntil(day: string, nowMs: number): number {
  return Math.round((Date.parse(day) - Date.parse(toDay(nowMs))) / MS_PER_DAY);
}
