import { type QuotaWatch, watchQuota } from './quota-watch.ts';

const MESSAGES_PER_MARK = 100;

export interface SandboxStats {
  requests: number;
  accepted: number;
  /** Messages with `validate_only`: checked, but not delivered. */
  validated: number;
  /** Answers with status 429. */
  throttled: number;
  /** Accepted messages whose stream was reset, got no answer, or was given up by the client, which then cannot know. */
  ambiguous: number;
  sessions: number;
  /** Milliseconds from the first to the last message that arrived during the outage. */
  outageHeardMs: number;
  /** Share of the quota that was used while the middle three fifths of the messages arrived; 0 if there were too few. */
  quotaUse: number;
  /** The most messages of any project within any 60 s, as a share of its quota. */
  peakMinute: number;
  /** How far the messages of any project ever were ahead of an even rate at its quota, in milliseconds. */
  peakAheadMs: number;
  /** Number of answers by FCM's error code, by `OK`, or by the fault that left no answer. */
  answers: Record<string, number>;
}

/** Counts of the sandbox, and the times that `quotaUse` is computed from. */
export interface SandboxTally {
  readonly counts: SandboxStats;
  countAnswer(code: string): void;
  /** Records that a message was counted against the quota of its project at `nowMs`. */
  countQuota(project: string, nowMs: number): void;
  stats(): SandboxStats;
}

export function makeSandboxTally(quotaPerMinute: number): SandboxTally {
  /** Times of each hundredth message that was counted against the quota. FCM counts refused ones too, but not a 429. */
  const marks: number[] = [];
  const watches = new Map<string, QuotaWatch>();
  let messages = 0;
  const counts: SandboxStats = {
    requests: 0,
    accepted: 0,
    validated: 0,
    throttled: 0,
    ambiguous: 0,
    sessions: 0,
    outageHeardMs: 0,
    quotaUse: 0,
    peakMinute: 0,
    peakAheadMs: 0,
    answers: {},
  };
  return {
    counts,
    countAnswer(code) {
      counts.answers[code] = (counts.answers[code] ?? 0) + 1;
    },
    countQuota(project, nowMs) {
      if (messages++ % MESSAGES_PER_MARK === 0) marks.push(nowMs);
      let watch = watches.get(project);
      if (watch === undefined) watches.set(project, (watch = watchQuota(quotaPerMinute)));
      watch.count(nowMs);
    },
    stats() {
      const all = [...watches.values()];
      return {
        ...counts,
        quotaUse: quotaUseOf(marks, quotaPerMinute),
        peakMinute: Math.max(0, ...all.map((watch) => watch.peakMinute())),
        peakAheadMs: Math.max(0, ...all.map((watch) => watch.peakAheadMs())),
        answers: { ...counts.answers },
      };
    },
  };
}

function quotaUseOf(marks: readonly number[], quotaPerMinute: number): number {
  const first = Math.floor(marks.length / 5);
  const last = Math.floor((marks.length * 4) / 5);
  const ms = (marks[last] ?? 0) - (marks[first] ?? 0);
  return ms > 0 ? ((last - first) * MESSAGES_PER_MARK) / (ms * (quotaPerMinute / 60_000)) : 0;
}
