import type { Announcement } from '../model/announcement.ts';
import { type Counts, type Delivery, keyOf, type Push, type Verdict } from '../model/delivery.ts';
import type { Hop } from '../model/hop.ts';
import { bucketOf, type HopWork, nameOfReason, NO_WORK, type ReasonTally } from '../model/summary.ts';
import type { CountedBatch } from '../store/summaries.ts';

/** Counts what the invocations of one hop have done. It goes into the hop's row with each batch of deliveries. */
export class Tally {
  readonly #round: number;
  readonly #isAtMostOnce: boolean;
  readonly #before: HopWork;
  readonly #answers: number[];
  readonly #reasons: Map<string, ReasonTally>;
  /** What the ledger has of the pushes of a retry round, by message and device. */
  readonly #was = new Map<string, Verdict>();
  #batches: number;
  #sent = 0;
  /** Milliseconds that this invocation has waited for its slot, read its page, and waited for the database to take answers. */
  waitMs = 0;
  readMs = 0;
  recordMs = 0;
  /** Milliseconds since the first push. */
  sendMs = 0;

  constructor(
    { round, batches = 0, work = NO_WORK }: Pick<Hop, 'round' | 'batches' | 'work'>,
    { guarantee }: Pick<Announcement, 'guarantee'>,
  ) {
    this.#round = round;
    this.#isAtMostOnce = guarantee === 'at-most-once';
    this.#before = work;
    this.#batches = batches;
    this.#answers = [...work.answers];
    this.#reasons = new Map(Object.entries(work.reasons));
  }

  /** Takes what the ledger has of the pushes of a retry round. */
  takePushes(pushes: readonly Push[]): void {
    if (this.#round === 0) return;
    for (const push of pushes) if (push.was !== undefined) this.#was.set(keyOf(push), push.was);
  }

  /** Counts an answer that took so many milliseconds. */
  countAnswer(ms: number): void {
    const bucket = bucketOf(ms);
    while (this.#answers.length <= bucket) this.#answers.push(0);
    this.#answers[bucket] = (this.#answers[bucket] ?? 0) + 1;
    this.#sent++;
  }

  /** The next batch: `counts` are those of its deliveries. `now` is in milliseconds since the epoch. */
  makeBatch(deliveries: readonly Delivery[], counts: Counts, now: number): CountedBatch {
    for (const { reason } of deliveries) if (reason !== null) this.#countReason(reason, now);
    return { number: ++this.#batches, work: this.work, counts: this.#changesOf(deliveries, counts) };
  }

  /** All that the hop has done so far. */
  get work(): HopWork {
    const { waitMs, readMs, sendMs, recordMs, sent } = this.#before;
    return {
      waitMs: waitMs + this.waitMs,
      readMs: readMs + this.readMs,
      sendMs: sendMs + this.sendMs,
      recordMs: recordMs + this.recordMs,
      sent: sent + this.#sent,
      answers: this.#answers,
      reasons: Object.fromEntries(this.#reasons),
    };
  }

  #countReason(reason: string, now: number): void {
    const name = nameOfReason(reason, !this.#reasons.has(reason), this.#reasons.size);
    const earlier = this.#reasons.get(name);
    const { pushes = 0, firstAt = now } = earlier ?? {};
    this.#reasons.set(name, { pushes: pushes + 1, firstAt, lastAt: now });
  }

  /** In a retry round each row of the ledger has been there: its earlier verdict is one less. */
  #changesOf(deliveries: readonly Delivery[], counts: Counts): Counts {
    if (this.#round === 0) return counts;
    const changes = { ...counts };
    for (const delivery of deliveries) {
      // At most once: the row was written as `unknown` before the push was sent.
      const was = this.#isAtMostOnce ? 'unknown' : this.#was.get(keyOf(delivery));
      if (was !== undefined) changes[was]--;
      if (!this.#isAtMostOnce) this.#was.set(keyOf(delivery), delivery.verdict);
    }
    return changes;
  }
}
