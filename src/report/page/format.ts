import { formatCount } from '../../words.ts';

/** `formatRate` writes a number per second: one below ten has a decimal. */
export function formatRate(perSecond: number): string {
  return perSecond >= 10 || perSecond === 0 ? formatCount(perSecond) : perSecond.toFixed(1);
}
