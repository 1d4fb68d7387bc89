import type { Context, Sender } from '../context.ts';
import { withMark } from '../fcm/size.ts';
import type { SendableAnnouncement } from '../model/announcement.ts';
import { collapseKeyOf, type Push } from '../model/delivery.ts';
import type { Hop } from '../model/hop.ts';
import { markOf } from '../model/receipt.ts';
import { type Turn, whileHolding } from '../pace/hold.ts';
import type { Timetable } from '../pace/timetable.ts';
import { Bell } from './bell.ts';
import { Flight } from './flight.ts';
import { Recorder } from './record.ts';
import type { Tally } from './tally.ts';

export interface SendReport {
  readonly end: 'done' | Exclude<Turn, 'go'>;
  /** Pushes that this invocation has sent and recorded. */
  readonly sent: number;
  /** Why the hop is given back unfinished, in words for a person; absent if its announcement no longer runs. */
  readonly why?: string;
}

/** What a page is sent with. */
export interface Sending {
  readonly pushes: readonly Push[];
  readonly timetable: Timetable;
  readonly tally: Tally;
}

/** Answers are recorded after this time, though they are few. */
const RECORD_MS = 250;

/** The hop and the budget are checked after each recording, and after this time without an answer. */
const CHECK_MS = 500;

/** Pushes that become due within this time are sent together. */
const TICK_MS = 20;

/** The canary is judged when all but this share of its answers have arrived. */
const CANARY_STRAGGLERS = 0.05;

/** A hop may leave its stragglers if they are at most this share of its page, or one, and it has waited for so long. */
const MAX_STRAGGLERS = 0.1;
const STRAGGLE_MS = 750;

/** A full window is not refilled one by one, because a call for each answer would cost more CPU time than the messages. */
export function minRoomOf(window: number): number {
  return Math.ceil(window / 40);
}

/** Why the rest of a page goes to another invocation, if FCM's answers are not the cause. */
const OUT_OF_TIME = 'the invocation ran out of time';

/** Which pushes of a page are sent, and how their answers are judged. */
interface Part {
  /** Index of the first push that is not sent. */
  readonly to: number;
  /** With so many pushes still in flight, the rest of the answers is not waited for. */
  readonly maxOpen: number;
  readonly smallSampleCounts: boolean;
  readonly mayLeave: boolean;
}

/**
 * Sends a page through a sliding window: up to `Slot.window` pushes are in flight, each is sent at its time in the budget, and
 * answers are recorded in batches as they arrive. No push waits for the answer to another.
 */
export class PageSender {
  readonly #ctx: Context;
  readonly #hop: Hop;
  readonly #pushes: readonly Push[];
  readonly #announcement: SendableAnnouncement;
  readonly #timetable: Timetable;
  readonly #flight: Flight;
  readonly #recorder: Recorder;
  /** Pushes are sent in calls of at least this number. */
  readonly #callSize: number;
  /** Rings when answers are recorded, so that the window has room, and when fewer than half of it are in flight. */
  readonly #roomBell: Bell;
  /** Rings when a batch is full, or when there is nothing to wait for. */
  readonly #batchBell: Bell;
  #turn: Turn = 'go';
  #error: unknown = null;
  #isSending = false;
  #maxOpen = 0;
  /** Index of the first push that has not been sent yet. */
  #next = 0;
  /** Index of the first push that may not be sent yet, because the ledger does not have it (at-most-once). */
  #claimed: number;
  #checkedAt = -Infinity;
  #lastSentAt = -Infinity;

  private constructor(
    ctx: Context,
    hop: Hop,
    announcement: SendableAnnouncement,
    { pushes, timetable, tally }: Sending,
    sender: Sender,
  ) {
    const { config, clock } = ctx;
    const { announcementId, content, ttlSeconds, dryRun, guarantee } = announcement;
    const unmarked = { content, collapseKey: collapseKeyOf({ announcementId }), ttlSeconds, dryRun };
    const batch = withMark(unmarked, markOf(config, announcement));
    this.#ctx = ctx;
    this.#hop = hop;
    this.#pushes = pushes;
    this.#announcement = announcement;
    this.#timetable = timetable;
    this.#recorder = new Recorder(ctx, hop, announcement, tally);
    this.#callSize = Math.min(sender.callSize ?? 1, config.maxWindow);
    this.#claimed = guarantee === 'at-most-once' ? 0 : pushes.length;
    this.#roomBell = new Bell(clock);
    this.#batchBell = new Bell(clock);
    this.#flight = new Flight(ctx, sender, batch, pushes);
    this.#flight.onAnswer = () => {
      // Not after each answer: only its recording makes room, and a wake costs as much CPU time as a tenth of a message.
      const isHalfEmpty = this.#flight.open === Math.ceil(timetable.window / 2) - 1;
      if (this.#flight.error !== null || isHalfEmpty) this.#roomBell.ring();
      if (this.#flight.arrived >= this.#batchSize || this.#isOver) this.#batchBell.ring();
    };
  }

  /** Opens the sender of the announcement's source: PushError('NO_SUCH_SOURCE'), ('BAD_CREDENTIALS'). Null for an empty page. */
  static async open(
    ctx: Context,
    hop: Hop,
    announcement: SendableAnnouncement,
    sending: Sending,
  ): Promise<PageSender | null> {
    if (sending.pushes.length === 0) return null;
    const sender = await ctx.senders.of(announcement.source);
    return new PageSender(ctx, hop, announcement, sending, sender);
  }

  /** Sends the first pushes of an announcement, and waits for the judgement on them. */
  sendCanary(): Promise<SendReport> {
    const to = Math.min(this.#ctx.config.batchSize, this.#pushes.length);
    const maxOpen = Math.floor(to * CANARY_STRAGGLERS);
    return this.#run({ to, maxOpen, smallSampleCounts: true, mayLeave: false });
  }

  /**
   * Sends the rest of the page. With `mayLeave`, it does not wait for the last answers where the function's concurrency is
   * used up: the next hop would have to wait for them too.
   */
  async sendRest({ mayLeave }: { readonly mayLeave: boolean }): Promise<SendReport> {
    const part = { to: this.#pushes.length, maxOpen: 0, smallSampleCounts: false, mayLeave };
    const { end } = await this.#run(part);
    if (end === 'done') {
      await whileHolding(this.#ctx, this.#hop, () => this.#recorder.leave(this.#flight));
    }
    const { answerMs } = this.#flight;
    if (answerMs !== null) {
      await this.#ctx.store.recordAnswerTime(this.#announcement.source, Math.ceil(answerMs));
    }
    return this.#report();
  }

  /** Sends one part of the page and records its answers. After an error it still records what is in flight. */
  async #run(part: Part): Promise<SendReport> {
    this.#maxOpen = part.maxOpen;
    this.#isSending = true;
    const sending = this.#send(part.to)
      .catch((error: unknown) => this.#stop(error))
      .finally(() => {
        this.#isSending = false;
        this.#batchBell.ring();
      });
    const recording = this.#record(part)
      .catch((error: unknown) => this.#stop(error))
      .finally(() => this.#roomBell.ring());
    await whileHolding(this.#ctx, this.#hop, () => Promise.all([sending, recording]));
    if (this.#flight.error !== null) this.#stop(this.#flight.error);
    const turn = this.#nextTurn;
    if (turn !== 'go') await this.#takeBack();
    if (turn !== 'go' && this.#error === null) await this.#timetable.giveUp(this.#next);
    if (this.#error !== null) throw this.#error;
    return this.#report();
  }

  #report(): SendReport {
    const [turn, sent] = [this.#nextTurn, this.#recorder.recorded];
    const why = this.#recorder.why ?? OUT_OF_TIME;
    if (turn === 'repeated') return { end: turn, sent, why };
    return { end: turn === 'go' ? 'done' : turn, sent };
  }

  #stop(error: unknown): void {
    this.#error ??= error;
    this.#turn = 'stopped';
  }

  get #nextTurn(): Turn {
    return this.#turn === 'go' ? this.#recorder.turn : this.#turn;
  }

  /** True if there is no answer to wait for. */
  get #isOver(): boolean {
    return !this.#isSending && this.#flight.open <= (this.#nextTurn === 'go' ? this.#maxOpen : 0);
  }

  async #send(to: number): Promise<void> {
    const { clock } = this.#ctx;
    while (this.#nextTurn === 'go' && this.#next < to) {
      if (clock.now() - this.#checkedAt >= CHECK_MS && !(await this.#check())) return;
      if (this.#flight.error !== null) throw this.#flight.error;
      const due = Math.min(to, this.#timetable.dueCount(clock.now() + TICK_MS));
      const call = Math.min(this.#callSize, to - this.#next);
      if (due - this.#next < call) await this.#waitUntilDue(this.#next + call - 1);
      else if (this.#room < Math.max(call, Math.min(due - this.#next, minRoomOf(this.#timetable.window))))
        await this.#waitForRoom();
      else {
        const end = Math.min(due, this.#next + this.#room);
        if (end > this.#claimed && !(await this.#claim(to))) return;
        this.#flight.send(this.#next, Math.min(end, this.#claimed));
        this.#next = Math.min(end, this.#claimed);
        this.#lastSentAt = clock.now();
      }
    }
  }

  /** Waits for the time of the next push; false if the hop has to end. */
  async #check(): Promise<boolean> {
    const { store, clock, config } = this.#ctx;
    this.#turn = await this.#timetable.check(this.#next);
    if (this.#turn === 'go' && !(await store.holdHop(this.#hop, config.leaseMs))) this.#turn = 'stopped';
    this.#checkedAt = clock.now();
    return this.#nextTurn === 'go';
  }

  /**
   * Records the next pushes as `unknown` before they are sent: after a crash it cannot be known which of them FCM has
   * accepted, and at most once means that none is sent again. False if the hop is lost.
   */
  async #claim(to: number): Promise<boolean> {
    const { store, config } = this.#ctx;
    const end = Math.min(to, this.#claimed + config.batchSize);
    const isHeld = await store.holdHop(this.#hop, config.leaseMs, this.#pushes.slice(this.#claimed, end));
    if (isHeld) this.#claimed = end;
    else this.#turn = 'stopped';
    return isHeld;
  }

  async #waitUntilDue(index: number): Promise<void> {
    const { clock } = this.#ctx;
    const waitMs = this.#timetable.dueAt(index) - clock.now();
    await clock.sleep(Math.min(RECORD_MS, Math.max(1, Math.ceil(waitMs))));
  }

  /** Answers that are worth recording before RECORD_MS is over. */
  get #batchSize(): number {
    return Math.min(this.#ctx.config.batchSize, this.#ctx.config.maxWindow);
  }

  /** What the window has room for. A crash repeats no more than what is in flight or not recorded. */
  get #room(): number {
    if (this.#recorder.isFailing) return 0;
    return this.#timetable.window - this.#flight.open - this.#flight.arrived - this.#recorder.pending;
  }

  async #waitForRoom(): Promise<void> {
    const { clock } = this.#ctx;
    const startedAt = clock.now();
    // A window that is full of unanswered pushes is FCM's slowness: the hop keeps its place in the budget.
    const isFcmSlow = this.#flight.open * 2 >= this.#timetable.window;
    await this.#roomBell.wait(RECORD_MS);
    if (isFcmSlow) this.#timetable.delay(clock.now() - startedAt);
  }

  async #record({ smallSampleCounts, mayLeave }: Part): Promise<void> {
    for (;;) {
      if (this.#flight.arrived < this.#batchSize && !this.#isOver) await this.#batchBell.wait(RECORD_MS);
      const isLast = this.#isOver || (mayLeave && (await this.#isToLeave()));
      const isWhole = isLast && this.#flight.arrived <= this.#ctx.config.batchSize;
      const hasAnswers = this.#flight.arrived > 0;
      await this.#recorder.recordBatch(this.#flight, { isWhole, smallSampleCounts });
      // The answers may have stopped the source, and the announcement may have been paused: no more is sent before that is known.
      if (hasAnswers) this.#checkedAt = -Infinity;
      this.#roomBell.ring();
      // A judgement on these may need the answers to all others.
      if (isWhole && (this.#nextTurn === 'go' || this.#flight.open + this.#flight.arrived === 0)) return;
    }
  }

  /** True if only a few answers are out, and the function has no other invocation to spare. */
  async #isToLeave(): Promise<boolean> {
    const { store, clock, config } = this.#ctx;
    if (this.#isSending || config.concurrency === 0 || this.#nextTurn !== 'go') return false;
    if (this.#flight.open > Math.max(1, this.#pushes.length * MAX_STRAGGLERS)) return false;
    if (clock.now() - this.#lastSentAt < STRAGGLE_MS) return false;
    return (await store.countBusyHops()) >= config.concurrency - 1;
  }

  /** At-most-once: what the ledger has as sent, and was not. */
  async #takeBack(): Promise<void> {
    if (this.#announcement.guarantee !== 'at-most-once') return;
    const unsent = [...this.#flight.unsent, ...this.#pushes.slice(this.#next, this.#claimed)];
    if (unsent.length === 0) return;
    await this.#recorder.recordUnsent(unsent).catch((error: unknown) => this.#stop(error));
  }
}
