import type { Addressee, Context } from '../context.ts';
import type { SendableAnnouncement } from '../model/announcement.ts';
import type { Hop } from '../model/hop.ts';
import { spareMsOf, type Turn, waitOrLeave } from './hold.ts';
import { probe } from './probe.ts';
import { type ReservedSlot, reserveTurn } from './reserve.ts';
import { MAX_LATE_MS } from './slot.ts';

/** The slot that the page is being sent in. */
interface CurrentSlot extends ReservedSlot {
  /** Index of the first device that the slot is for. */
  readonly from: number;
  /** When the slot opens, by this machine's clock. */
  readonly opensAt: number;
  /** When the slots behind it open, by this machine's clock. */
  endsAt: number;
  /** Milliseconds by which everything still to be sent is delayed: by urgent messages, a brake or a full window. */
  delayMs: number;
}

/**
 * When the devices of a page may be sent: evenly over a slot in the budget. `check` reads the budget again, so that a change
 * holds for every hop within a moment: urgent messages delay the rest, and a brake cancels the slot.
 */
export class Timetable {
  readonly #ctx: Context;
  readonly #hop: Hop;
  readonly #announcement: SendableAnnouncement;
  readonly #devices: readonly Addressee[];
  #slot: CurrentSlot | null = null;
  /** Milliseconds of waits since the lease was extended. */
  #sinceHeldMs = 0;

  constructor(ctx: Context, hop: Hop, announcement: SendableAnnouncement, devices: readonly Addressee[]) {
    this.#ctx = ctx;
    this.#hop = hop;
    this.#announcement = announcement;
    this.#devices = devices;
  }

  /** Waits until the slot for the page opens. */
  async waitForSlot(): Promise<Turn> {
    const { clock, metrics } = this.#ctx;
    const startedAt = clock.now();
    const turn = await this.check(0);
    metrics.record({ SlotWait: clock.now() - startedAt });
    return turn;
  }

  /** Number of devices of the page that may be in flight at a time. */
  get window(): number {
    return this.#slot?.window ?? this.#ctx.config.maxWindow;
  }

  /** When the device at `index` may be sent, in milliseconds since the epoch; Infinity without a slot. */
  dueAt(index: number): number {
    if (this.#slot === null) return Infinity;
    const { from, opensAt, delayMs, spreadMs } = this.#slot;
    return Math.ceil(opensAt + delayMs + (spreadMs * (index - from)) / (this.#devices.length - from));
  }

  /** Number of devices of the page that may be sent until `atMs`, those before included. */
  dueCount(atMs: number): number {
    if (this.#slot === null) return 0;
    const { from, opensAt, delayMs, spreadMs } = this.#slot;
    const count = this.#devices.length - from;
    const sinceMs = atMs - opensAt - delayMs;
    if (sinceMs < 0) return from;
    if (sinceMs >= spreadMs) return from + count;
    return from + Math.min(count, 1 + Math.floor((sinceMs / spreadMs) * count));
  }

  /**
   * Keeps the hop's place in the budget although it could not send for so long: its window was full of messages that FCM
   * had not answered.
   */
  delay(ms: number): void {
    if (this.#slot) this.#slot.delayMs += ms;
  }

  /**
   * Gives up what the device at `index` and those after it have reserved of the budget. The part of it that is not over yet
   * goes to the next hop that asks, of whichever announcement; unless another hop has reserved behind it, and would send at
   * the same time.
   */
  async giveUp(index: number): Promise<void> {
    const slot = this.#slot;
    this.#slot = null;
    if (slot === null) return;
    const { from, opensAt, endsAt, delayMs, takenMs, spreadMs, brakes } = slot;
    const now = this.#ctx.clock.now();
    const share = (this.#devices.length - index) / (this.#devices.length - from);
    const leftMs = opensAt + delayMs + spreadMs - now;
    const ms = Math.floor(Math.min(takenMs * share, leftMs));
    const endsInMs = Math.ceil(endsAt - now);
    if (ms > 0) await this.#ctx.store.returnBudget(this.#announcement.source, { ms, endsInMs, brakes });
  }

  /**
   * Reads the budget and waits until the device at `index` may be sent. Time that was lost otherwise than by `delay` (a
   * database that hangs, a frozen process) is not caught up, if it is more than the quota has room for: the rest of the page
   * gets a new slot.
   */
  async check(index: number): Promise<Turn> {
    const { store, clock, config } = this.#ctx;
    const { source } = this.#announcement;
    for (let waitMs = 0; ;) {
      const turn = await waitOrLeave(this.#ctx, this.#hop, waitMs, index > 0);
      if (turn !== 'go') await this.giveUp(index);
      if (turn !== 'go' || this.#devices.length === 0) return turn;
      if (!(await this.#keepLease(waitMs))) return 'stopped';

      const slot = this.#slot ?? (await this.#reserve(index));
      if ('askAgainInMs' in slot) {
        waitMs = slot.askAgainInMs;
        continue;
      }
      const { brakes, brakeMs, urgentMs, outages } = await store.fetchBudget(source, null);
      slot.delayMs += urgentMs - slot.urgentMs;
      slot.endsAt += urgentMs - slot.urgentMs;
      slot.urgentMs = urgentMs;
      const lateMs = clock.now() - this.dueAt(index);
      const isLost = brakes !== slot.brakes || lateMs > MAX_LATE_MS;
      waitMs = isLost ? 0 : Math.max(-lateMs, brakeMs);
      if (isLost) await this.giveUp(index);
      else if (waitMs <= 0) {
        if (outages === 0) return 'go';
        if (!(await store.holdHop(this.#hop, config.leaseMs))) return 'stopped';
        await probe(this.#ctx, this.#announcement, this.#sample(index));
      }
    }
  }

  /** Many short waits, one after another, may outlast the lease together. */
  async #keepLease(waitedMs: number): Promise<boolean> {
    const { store, config } = this.#ctx;
    this.#sinceHeldMs += waitedMs;
    if (this.#sinceHeldMs < config.leaseMs / 3) return true;
    this.#sinceHeldMs = 0;
    return store.holdHop(this.#hop, config.leaseMs);
  }

  async #reserve(from: number): Promise<CurrentSlot | { readonly askAgainInMs: number }> {
    const messages = this.#devices.length - from;
    const slot = await reserveTurn(this.#ctx, this.#announcement, messages, spareMsOf(this.#ctx));
    if ('askAgainInMs' in slot) return slot;
    const opensAt = this.#ctx.clock.now() + slot.waitMs;
    this.#slot = { ...slot, from, opensAt, endsAt: opensAt + slot.takenMs, delayMs: 0 };
    return this.#slot;
  }

  /** The first, the middle and the last of the devices that are still to be sent. */
  #sample(index: number): Addressee[] {
    const last = this.#devices.length - 1;
    return [...new Set([index, Math.floor((index + last) / 2), last])].flatMap(
      (each) => this.#devices[each] ?? [],
    );
  }
}
