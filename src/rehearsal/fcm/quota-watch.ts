const MINUTE_MS = 60_000;
/** Counts are kept for so much time together. A peak is understated by what arrives in such a time at most. */
const SLICE_MS = 10;
const SLICES = MINUTE_MS / SLICE_MS;

/** How close the messages of one project were to its quota. */
export interface QuotaWatch {
  /** Counts a message against the quota. */
  count(nowMs: number): void;
  /** The most messages within any 60 s, as a share of the quota. */
  peakMinute(): number;
  /**
   * How far the messages ever were ahead of an even rate at the quota, in milliseconds: within any time of T milliseconds, no
   * more messages arrived than the quota allows in T and this time together. It judges a broadcast of less than a minute too.
   */
  peakAheadMs(): number;
}

export function watchQuota(perMinute: number): QuotaWatch {
  const slices = new Uint32Array(SLICES);
  const msPerMessage = MINUTE_MS / perMinute;
  let last = -Infinity;
  let inMinute = 0;
  let peak = 0;
  let lastAt = -Infinity;
  let aheadMs = 0;
  let peakAheadMs = 0;

  /** Empties the slices that are older than a minute. */
  function advanceTo(slice: number): void {
    if (slice - last >= SLICES) {
      slices.fill(0);
      inMinute = 0;
    } else {
      for (let each = last + 1; each <= slice; each++) {
        inMinute -= slices[each % SLICES] ?? 0;
        slices[each % SLICES] = 0;
      }
    }
    last = slice;
  }

  return {
    count(nowMs) {
      const slice = Math.floor(nowMs / SLICE_MS);
      if (slice > last) advanceTo(slice);
      const at = last % SLICES;
      slices[at] = (slices[at] ?? 0) + 1;
      peak = Math.max(peak, ++inMinute);
      aheadMs = Math.max(0, aheadMs - Math.max(0, nowMs - lastAt)) + msPerMessage;
      peakAheadMs = Math.max(peakAheadMs, aheadMs);
      lastAt = Math.max(lastAt, nowMs);
    },
    peakMinute: () => peak / perMinute,
    peakAheadMs: () => peakAheadMs,
  };
}
