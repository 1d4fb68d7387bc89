/** FCM's bucket: full at a project's first message, filled again each minute from then, not by the clock's minutes. */
export interface Quota {
  /** 0 if there is room for one message more, which is then taken; else the seconds until there is. */
  take(project: string): number;
}

const MINUTE_MS = 60_000;

export function makeQuota(perMinute: number): Quota {
  const buckets = new Map<string, { filledAt: number; left: number }>();
  return {
    take(project) {
      const now = performance.now();
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
