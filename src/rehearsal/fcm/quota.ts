import type { Clock } from '../../context.ts';

/**
 * FCM's quota: a bucket that is full at a project's first message and is filled again each minute from then, not on the
 * minutes of the wall clock.
 */
export interface Quota {
  /** Takes one message from the bucket and returns 0; if the bucket is empty, returns the seconds until it is full again. */
  take(project: string): number;
}

const MINUTE_MS = 60_000;

export function makeQuota(perMinute: number, clock: Pick<Clock, 'now'>): Quota {
  const buckets = new Map<string, { filledAt: number; left: number }>();
  return {
    take(project) {
      const now = clock.now();
      const bucket = buckets.get(project) ?? { filledAt: now, left: perMinute };
      buckets.set(project, bucket);
      if (now - bucket.filledAt >= MINUTE_MS) {
        bucket.filledAt += Math.floor((now - bucket.filledAt) / MINUTE_MS) * MINUTE_MS;
        bucket.left = perMinute;
      }
      if (bucket.left === 0) return Math.max(1, Math.ceil((bucket.filledAt + MINUTE_MS - now) / 1000));
      bucket.left--;
      return 0;
    },
  };
}
