import type { Announcement } from '../model/announcement.ts';
import type { Delivery, Outcome, Push } from '../model/delivery.ts';
import { isDoubted } from './doubt.ts';
import { explainOutage, keepAttempts } from './outage.ts';
import { blameProject, explainFailure } from './project.ts';
import { settle, type SettleOptions } from './settle.ts';

/** A push and FCM's answer to it. */
export interface Answer {
  readonly push: Push;
  readonly outcome: Outcome;
  /** When the push was sent, in milliseconds since the epoch. */
  readonly sentAt: number;
  /** Milliseconds until FCM answered, or was given up. */
  readonly tookMs: number;
}

export interface JudgementOptions extends SettleOptions, Pick<Announcement, 'acceptUnregistered'> {
  /** Answers that are judged together. */
  readonly groupSize: number;
}

/** What follows from answers. */
export interface Ruling {
  /** What is to be recorded now. */
  readonly deliveries: readonly Delivery[];
  /** Answers that say together whether FCM throttles: those of the group so far. */
  readonly outcomes: readonly Outcome[];
  /** When the first of these that FCM did not take was sent, in milliseconds since the epoch; null if it took all. */
  readonly failedSince: number | null;
  /** Whether the group is complete. */
  readonly isWhole: boolean;
  /** Why FCM cannot be used for the time being; null if it can. */
  readonly outage: string | null;
  /** Why the announcement cannot go on; null if it can. */
  readonly failure: string | null;
}

interface Settled extends Pick<Answer, 'outcome' | 'sentAt'> {
  readonly delivery: Delivery;
  isRecorded: boolean;
}

/**
 * Judges the answers of one hop as they arrive, in groups: one answer says nothing of the project or of FCM. What FCM
 * accepted is recorded at once. A refusal waits until its group is complete: if the project is at fault, it costs no device
 * its push. An outage shows sooner.
 */
export class Judgement {
  readonly #options: JudgementOptions;
  #group: Settled[] = [];
  #isStopped = false;
  #hasFailed = false;

  constructor(options: JudgementOptions) {
    this.#options = options;
  }

  /**
   * Judges further answers. `isWhole`: there will be no others for this group, though it may be small; with
   * `smallSampleCounts` a few answers are enough for a judgement, as for the canary.
   */
  rule(
    answers: readonly Answer[],
    { isWhole = false, smallSampleCounts = false }: { isWhole?: boolean; smallSampleCounts?: boolean } = {},
  ): Ruling {
    const { groupSize, round } = this.#options;
    for (const answer of answers) this.#group.push(this.#settle(answer));
    const group = this.#group;
    const outcomes = group.map(({ outcome }) => outcome);
    const isComplete = isWhole || this.#isStopped || group.length >= groupSize;
    const options = { smallSampleCounts: (isComplete && smallSampleCounts) || this.#isStopped };
    const failed = group.filter(
      ({ outcome }) =>
        (outcome.verdict === 'retryable' && !isDoubted(outcome)) || outcome.verdict === 'unknown',
    );
    const failedSince = failed.length === 0 ? null : Math.min(...failed.map(({ sentAt }) => sentAt));
    const ruling = { outcomes, failedSince, isWhole: isComplete, outage: null, failure: null };

    const outage = round === 0 ? explainOutage(outcomes, options) : null;
    if (outage !== null) {
      this.#isStopped = true;
      const deliveries = keepAttempts(
        outcomes,
        group.map(({ delivery }) => delivery),
      );
      return { ...ruling, outage, deliveries: this.#takeUnrecorded(deliveries) };
    }
    if (!isComplete) {
      const accepted = group.filter(({ delivery, isRecorded }) => isAccepted(delivery) && !isRecorded);
      for (const each of accepted) each.isRecorded = true;
      return { ...ruling, deliveries: accepted.map(({ delivery }) => delivery) };
    }
    const judged = blameProject(
      this.#options,
      group.map(({ delivery }) => delivery),
      outcomes,
      options,
    );
    const failure = explainFailure(judged, outcomes);
    const deliveries = this.#hasFailed ? this.#blameAll(judged) : judged;
    if (failure !== null) this.#isStopped = this.#hasFailed = true;
    return { ...ruling, failure, deliveries: this.#takeUnrecorded(deliveries) };
  }

  /** After a failure, the answers that were still out may have the same cause: none of them is final. */
  #blameAll(deliveries: readonly Delivery[]): Delivery[] {
    return deliveries.map((delivery, nth) => {
      const isGone = delivery.verdict === 'unregistered' && !this.#options.acceptUnregistered;
      const isRefused = delivery.verdict === 'rejected' && this.#group[nth]?.outcome.blamesTarget !== true;
      return isGone || isRefused ? { ...delivery, verdict: 'misconfigured', retryInMs: null } : delivery;
    });
  }

  /** Ends the group; the nth delivery belongs to its nth answer. */
  #takeUnrecorded(deliveries: readonly Delivery[]): Delivery[] {
    const unrecorded = deliveries.filter((_, nth) => this.#group[nth]?.isRecorded === false);
    this.#group = [];
    return unrecorded;
  }

  #settle(answer: Answer): Settled {
    const { push, outcome, sentAt } = answer;
    const { messageId = 0, deviceId } = push;
    const delivery = { messageId, deviceId, ...settle(this.#options, outcome, push) };
    return { outcome, sentAt, delivery, isRecorded: false };
  }
}

function isAccepted({ verdict }: Delivery): boolean {
  return verdict === 'delivered';
}
