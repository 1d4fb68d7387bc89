/** The schedule ticks every minute: two missed ticks are no failure yet. */
export const MAX_TICK_AGE_MS = 180_000;

/** True if the schedule has not ticked for too long; an age of null: it has never ticked. */
export function isTickLate(tickAgeMs: number | null): boolean {
  return tickAgeMs === null || tickAgeMs > MAX_TICK_AGE_MS;
}
