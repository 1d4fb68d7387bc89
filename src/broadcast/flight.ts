import type { Batch, Context, Sender } from '../context.ts';
import type { Answer } from '../judge/judgement.ts';
import type { Outcome, Push } from '../model/delivery.ts';
import { checkOutcomes } from '../judge/settle.ts';

/** The pushes of a page that are in flight, and the answers that have arrived and not been taken yet. */
export class Flight {
  readonly #ctx: Pick<Context, 'clock' | 'config'>;
  readonly #sender: Sender;
  readonly #batch: Omit<Batch, 'devices'>;
  readonly #pushes: readonly Push[];
  /** Called after each answer, and after an error of the sender. */
  onAnswer: () => void = () => {};
  /** 1 at the index of each push in flight: a Set would allocate memory for each push. */
  readonly #isOpen: Uint8Array;
  #open = 0;
  #answers: Answer[] = [];
  readonly #unsent: Push[] = [];
  #error: unknown = null;
  #answered = 0;
  #answerMs = 0;

  constructor(
    ctx: Pick<Context, 'clock' | 'config'>,
    sender: Sender,
    batch: Omit<Batch, 'devices'>,
    pushes: readonly Push[],
  ) {
    this.#ctx = ctx;
    this.#sender = sender;
    this.#batch = batch;
    this.#pushes = pushes;
    this.#isOpen = new Uint8Array(pushes.length);
  }

  /** Number of pushes in flight. */
  get open(): number {
    return this.#open;
  }

  /** Number of answers that have arrived and not been taken. */
  get arrived(): number {
    return this.#answers.length;
  }

  /** The first error of the sender, which has sent nothing of that call; null if there was none. */
  get error(): unknown {
    return this.#error;
  }

  /** Pushes that the sender did not send because of its error. */
  get unsent(): readonly Push[] {
    return this.#unsent;
  }

  /** FCM's mean time to an answer; null without an answer. */
  get answerMs(): number | null {
    return this.#answered === 0 ? null : this.#answerMs / this.#answered;
  }

  /** Pushes in flight, in their order. */
  get openPushes(): Push[] {
    return this.#pushes.filter((_, index) => this.#isOpen[index] === 1);
  }

  /** Sends the pushes from index `from` to below `to`. Each has its own time until FCM has to have answered. */
  send(from: number, to: number): void {
    this.#isOpen.fill(1, from, to);
    this.#open += to - from;
    void this.#call(from, to);
  }

  /** Takes the answers that have arrived, at most `limit`. */
  takeAnswers(limit: number): Answer[] {
    return this.#answers.splice(0, limit);
  }

  async #call(from: number, to: number): Promise<void> {
    const { clock, config } = this.#ctx;
    const devices = this.#pushes.slice(from, to);
    const startedAt = clock.now();
    const settle = (nth: number, outcome: Outcome): void => {
      if (!this.#close(from + nth)) return;
      const push = devices[nth];
      // Longer only if the process stood still.
      const tookMs = Math.min(clock.now() - startedAt, config.fcm.timeoutMs);
      if (push) this.#answers.push({ push, outcome, sentAt: startedAt, tookMs });
      this.#answered++;
      this.#answerMs += tookMs;
      this.onAnswer();
    };
    let outcomes: Outcome[];
    try {
      const deadline = clock.timeout(config.fcm.timeoutMs);
      outcomes = await this.#sender.send({ ...this.#batch, devices }, deadline, settle);
    } catch (error) {
      this.#fail(error, from, to, devices);
      return;
    }
    try {
      checkOutcomes(devices, outcomes);
      for (const [nth, outcome] of outcomes.entries()) settle(nth, outcome);
    } catch (error) {
      // They may have been sent.
      this.#fail(error, from, to, []);
    }
  }

  /** Takes a push out of the flight; false if it was not in flight. */
  #close(index: number): boolean {
    if (this.#isOpen[index] !== 1) return false;
    this.#isOpen[index] = 0;
    this.#open--;
    return true;
  }

  #fail(error: unknown, from: number, to: number, unsent: readonly Push[]): void {
    this.#error ??= error;
    for (let index = from; index < to; index++) this.#close(index);
    this.#unsent.push(...unsent);
    this.onAnswer();
  }
}
