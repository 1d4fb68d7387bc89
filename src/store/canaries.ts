import type { Canary, CanaryAnswer, CanaryPush } from '../model/canary.ts';

/** Phones of the team that answer silent pushes. A round is one push to each of them. */
export interface Canaries {
  /** Devices that are marked as canaries, by id; none if a team's own view lacks the column. */
  fetchCanaries(limit: number): Promise<Canary[]>;
  /** Takes a phone for the push of a round; false if it was taken before, whatever became of that push. */
  claimCanary(round: string, deviceId: number): Promise<boolean>;
  /** Records what FCM has answered to pushes of a round. */
  recordCanaries(
    round: string,
    outcomes: readonly Pick<CanaryPush, 'deviceId' | 'verdict' | 'reason'>[],
  ): Promise<void>;
  /** Records that phones have answered; the first answer of each counts. What names no canary of its round has no effect. */
  answerCanaries(answers: readonly CanaryAnswer[]): Promise<void>;
  /** Pushes of the last `ageMs`, the latest first. */
  fetchCanaryPushes(ageMs: number, limit: number): Promise<CanaryPush[]>;
  /**
   * True if, since the check was judged last, a phone has answered or its time to answer, `withinMs`, has run out. It reads
   * the pushes of the last day.
   */
  hasCanaryNews(withinMs: number): Promise<boolean>;
  /** Deletes pushes that are older than `ageMs`. */
  pruneCanaries(ageMs: number): Promise<void>;
}
