import type { Context } from '../context.ts';
import { isKindInDoubt, isTargetRefused } from '../judge/doubt.ts';
import { type Answer, Judgement } from '../judge/judgement.ts';
import { settle, type SettleOptions } from '../judge/settle.ts';
import type { SendableAnnouncement } from '../model/announcement.ts';
import { type Counts, countVerdicts, type Delivery, type Outcome, type PushId } from '../model/delivery.ts';
import type { Hop } from '../model/hop.ts';
import { brakeForOutage, brakeIfThrottled, measureThrottled } from '../pace/brake.ts';
import type { Turn } from '../pace/hold.ts';
import { doubtAll } from '../pace/doubt.ts';
import { recordPatiently } from '../pace/record.ts';
import type { CountedBatch } from '../store/summaries.ts';
import { failAnnouncement } from './announcement.ts';
import type { Flight } from './flight.ts';
import type { Tally } from './tally.ts';

/** How the ledger names the answer that a hop has not waited for. */
const LATE: Outcome = { verdict: 'unknown', reason: 'LATE', messageName: null, retryAfterMs: null };

/** Judges and records the answers of one page, and does what they demand: stop the source, or fail the announcement. */
export class Recorder {
  readonly #ctx: Context;
  readonly #hop: Hop;
  readonly #announcement: SendableAnnouncement;
  readonly #settling: SettleOptions;
  readonly #judgement: Judgement;
  readonly #tally: Tally;
  readonly #startedAt: number;
  /** Pushes that are sent and recorded. */
  recorded = 0;
  /** Answers that are being recorded now: a crash would repeat their pushes. */
  pending = 0;
  /** True while the database refuses answers: nothing more is to be sent. */
  isFailing = false;
  /** How the hop goes on, as its answers demand. */
  turn: Turn = 'go';
  /** Why the answers end the hop's work for now, in words; null if they do not. */
  why: string | null = null;

  constructor(ctx: Context, hop: Hop, announcement: SendableAnnouncement, tally: Tally) {
    const { acceptUnregistered, guarantee } = announcement;
    this.#ctx = ctx;
    this.#hop = hop;
    this.#announcement = announcement;
    this.#tally = tally;
    this.#startedAt = ctx.clock.now();
    this.#settling = { ...ctx.config, guarantee, round: hop.round };
    this.#judgement = new Judgement({
      ...this.#settling,
      acceptUnregistered,
      groupSize: ctx.config.batchSize,
    });
  }

  /**
   * Records the answers that have arrived, one batch of them. `isWhole`: they are the last of their group; then few are
   * enough for a judgement with `smallSampleCounts`.
   */
  async recordBatch(
    flight: Flight,
    options: { readonly isWhole: boolean; readonly smallSampleCounts: boolean },
  ): Promise<void> {
    const { source } = this.#announcement;
    const ctx = this.#ctx;
    const arrived = flight.takeAnswers(ctx.config.batchSize);
    if (arrived.length === 0 && !options.isWhole) return;
    this.pending = arrived.length;
    const answers = await this.#doubt(arrived);
    if (answers.length > 0)
      ctx.metrics.record({ FcmAnswerTime: meanOf(answers.map(({ tookMs }) => tookMs)) });
    for (const { tookMs } of answers) this.#tally.countAnswer(tookMs);
    const ruling = this.#judgement.rule(answers, options);
    await this.#write(ruling.deliveries);
    this.pending = 0;
    measureThrottled(
      ctx,
      answers.map(({ outcome }) => outcome),
    );
    const tookMs = ctx.clock.now() - (ruling.failedSince ?? ctx.clock.now());
    if (ruling.outage !== null) {
      // The repeat finds in the ledger what FCM did not take, and sends that first.
      if (this.turn === 'go') this.turn = 'repeated';
      this.why = ruling.outage;
      await brakeForOutage(ctx, source, ruling.outage, tookMs);
      return;
    }
    if (ruling.failure !== null) this.turn = 'stopped';
    const isPart = this.#hop.round > 0 || !ruling.isWhole;
    await brakeIfThrottled(ctx, source, ruling.outcomes, { tookMs, isPart });
    if (ruling.failure !== null) await failAnnouncement(ctx, this.#hop.announcementId, ruling.failure);
  }

  /** Records that pushes were not sent, though the ledger may have them as sent. */
  async recordUnsent(pushes: readonly PushId[]): Promise<void> {
    const { store } = this.#ctx;
    const deliveries = pushes.map(asUnsent);
    const batch = this.#makeBatch(deliveries, countVerdicts(deliveries));
    await recordPatiently(
      this.#ctx,
      () => store.recordDeliveries(this.#hop, deliveries, { isProgress: false, batch }),
      this.#fields,
    );
  }

  /** Leaves the pushes in flight: their answers are recorded when they arrive, though the hop has ended by then. */
  async leave(flight: Flight): Promise<void> {
    const { stragglers, config } = this.#ctx;
    // What has arrived meanwhile may be an answer after which the push has to be sent again.
    while (flight.arrived > 0) {
      const isWhole = flight.arrived <= config.batchSize;
      await this.recordBatch(flight, { isWhole, smallSampleCounts: false });
    }
    // Not before FCM's time for the answer is over.
    const outcome = { ...LATE, retryAfterMs: config.fcm.timeoutMs + config.retryMs };
    await this.#write(
      flight.openPushes.map((push) => ({ ...idOf(push), ...settle(this.#settling, outcome, push) })),
    );
    flight.onAnswer = () => {
      for (const answer of flight.takeAnswers(Infinity)) {
        // The ledger has it as unknown, so that a retry round sends it again.
        if (isKindInDoubt(answer)) continue;
        const delivery = settle(this.#settling, answer.outcome, answer.push);
        stragglers.take(this.#hop, { ...idOf(answer.push), ...delivery });
      }
    };
    flight.onAnswer();
  }

  /** Asks what has become of the devices whose target FCM refuses: a phone that moves from its token to its FID is not gone. */
  async #doubt(answers: readonly Answer[]): Promise<readonly Answer[]> {
    const { store } = this.#ctx;
    // A dry run changes no device: what it says of the others is what it was given.
    if (this.#announcement.dryRun || !answers.some(({ outcome }) => isTargetRefused(outcome))) return answers;
    let doubted = answers;
    const ask = async (): Promise<void> => {
      doubted = await doubtAll({ store }, answers);
    };
    await recordPatiently(this.#ctx, ask, this.#fields);
    return doubted;
  }

  /** Tries again for as long as the invocation lives: see recordPatiently. */
  async #write(deliveries: readonly Delivery[]): Promise<void> {
    const { store, clock, log, metrics } = this.#ctx;
    if (deliveries.length === 0) return;
    const startedAt = clock.now();
    const counts = countVerdicts(deliveries);
    const batch = this.#makeBatch(deliveries, counts);
    const write = async (): Promise<void> => {
      try {
        await store.recordDeliveries(this.#hop, deliveries, { batch });
        this.isFailing = false;
      } catch (error) {
        this.isFailing = true;
        throw error;
      }
    };
    await recordPatiently(this.#ctx, write, this.#fields);
    this.recorded += deliveries.length;
    this.#tally.recordMs += clock.now() - startedAt;
    metrics.recordPushes(counts);
    const { announcementId, round } = this.#hop;
    log.info('answers recorded', { announcementId, round, ...counts });
  }

  #makeBatch(deliveries: readonly Delivery[], counts: Counts): CountedBatch {
    const now = this.#ctx.clock.now();
    this.#tally.sendMs = now - this.#startedAt;
    return this.#tally.makeBatch(deliveries, counts, now);
  }

  get #fields() {
    const { announcementId, round, fromId } = this.#hop;
    return { announcementId, round, fromId };
  }
}

function meanOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
}

function idOf({ messageId = 0, deviceId }: PushId): Required<PushId> {
  return { messageId, deviceId };
}

function asUnsent(push: PushId): Delivery {
  return { ...idOf(push), verdict: 'unsent', reason: 'NOT_SENT', messageName: null, retryInMs: null };
}
