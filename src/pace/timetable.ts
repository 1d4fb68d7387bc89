import type { Addressee, Context } from '../context.ts';
import type { SendableAnnouncement } from '../model/announcement.ts';
import type { Hop } from '../model/hop.ts';
import { type Turn, waitOrLeave } from './hold.ts';
import { probe } from './probe.ts';
import { type ReservedSlot, reserveTurn } from './reserve.ts';
import { MAX_LATE_MS } from './slot.ts';

/** The slot that the page is being sent in. */
interface CurrentSlot extends ReservedSlot {
  /** Index of the first device that the slot is for. */
  readonly from: number;
  /** When the slot opens, by this machine's clock. */
  readonly opensAt: number;
  /** How late the last chunk began, in milliseconds. */
  lateMs: number;
}

/**
 * When the devices of a page may be sent: evenly over a slot in the budget. The budget is read again before each chunk, so
 * that a change holds for every hop within one chunk: urgent messages delay the rest, and a brake cancels the slot.
 */
export class Timetable {
  readonly #ctx: Context;
  readonly #hop: Hop;
  readonly #announcement: SendableAnnouncement;
  readonly #devices: readonly Addressee[];
  #slot: CurrentSlot | null = null;

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
    const turn = await this.wait(0);
    metrics.record({ SlotWait: clock.now() - startedAt });
    return turn;
  }

  /** Waits until the chunk that begins with the device at `index` may be sent. */
  async wait(index: number): Promise<Turn> {
    const { store, clock, config } = this.#ctx;
    const { source } = this.#announcement;
    for (let waitMs = 0; ;) {
      const turn = await waitOrLeave(this.#ctx, this.#hop, waitMs, index > 0);
      if (turn !== 'go' || this.#devices.length === 0) return turn;

      const slot = this.#slot ?? (await this.#reserve(index));
      if ('askAgainInMs' in slot) {
        waitMs = slot.askAgainInMs;
        continue;
      }
      const { brakes, brakeMs, urgentMs, outages } = await store.fetchBudget(source, null);
      const share = (index - slot.from) / (this.#devices.length - slot.from);
      const lateMs = clock.now() - slot.opensAt - slot.takenMs * share - (urgentMs - slot.urgentMs);
      // Lost time is not caught up, since that part of the budget belongs to other hops now. FCM's usual slowness delays all
      // hops alike, so what counts is the time lost since the last chunk.
      const isLost = brakes !== slot.brakes || lateMs - slot.lateMs > MAX_LATE_MS;
      waitMs = isLost ? 0 : Math.max(-lateMs, brakeMs);
      if (isLost) this.#slot = null;
      else if (waitMs <= 0) {
        if (outages === 0) {
          slot.lateMs = Math.max(0, lateMs);
          return 'go';
        }
        if (!(await store.holdHop(this.#hop, config.leaseMs))) return 'stopped';
        await probe(this.#ctx, this.#announcement, this.#sample(index));
      }
    }
  }

  async #reserve(from: number): Promise<CurrentSlot | { readonly askAgainInMs: number }> {
    const slot = await reserveTurn(this.#ctx, this.#announcement, this.#devices.length - from);
    if ('askAgainInMs' in slot) return slot;
    this.#slot = { ...slot, from, opensAt: this.#ctx.clock.now() + slot.waitMs, lateMs: 0 };
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
