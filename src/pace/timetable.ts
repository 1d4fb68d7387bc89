import type { Announcement } from '../model/announcement.ts';
import type { Hop } from '../model/hop.ts';
import type { Addressee, Context } from '../context.ts';
import { type Turn, waitOrLeave } from './hold.ts';
import { askAgain } from '../judge/outage.ts';
import { LATE_MS, type ReservedSlot, reserveTurn } from './reserve.ts';

/** A slot as a run has it: from which of its devices on, and when it opens by the run's own clock. */
interface Running extends ReservedSlot {
  readonly from: number;
  readonly opensAt: number;
  /** How late the last chunk began. */
  lateMs: number;
}

/**
 * When a run may send its devices: spread over a slot in the budget. What comes in between is asked before each chunk, so
 * that it holds for everybody within one: urgent messages put the rest off, and a brake makes the slot void.
 */
export class Timetable {
  readonly #ctx: Context;
  readonly #hop: Hop;
  readonly #announcement: Announcement;
  readonly #devices: readonly Addressee[];
  #slot: Running | null = null;

  constructor(ctx: Context, hop: Hop, announcement: Announcement, devices: readonly Addressee[]) {
    this.#ctx = ctx;
    this.#hop = hop;
    this.#announcement = announcement;
    this.#devices = devices;
  }

  /** Waits until the chunk that begins with this device may go. */
  async wait(nth: number): Promise<Turn> {
    const { store, clock, config } = this.#ctx;
    const { source } = this.#announcement;
    for (let waitMs = 0; ;) {
      const turn = await waitOrLeave(this.#ctx, this.#hop, waitMs, nth > 0);
      if (turn !== 'go' || this.#devices.length === 0) return turn;

      const slot = this.#slot ?? (await this.#reserve(nth));
      if ('askAgainInMs' in slot) {
        waitMs = slot.askAgainInMs;
        continue;
      }
      const { brakes, brakeMs, urgentMs, outages } = await store.fetchBudget(source, null);
      const share = (nth - slot.from) / (this.#devices.length - slot.from);
      const lateMs = clock.now() - slot.opensAt - slot.takenMs * share - (urgentMs - slot.urgentMs);
      // What is lost is not made up for, since by now the budget is somebody else's. FCM's usual slowness delays all hops
      // alike, so what counts is how much was lost since the last chunk.
      const isLost = brakes !== slot.brakes || lateMs - slot.lateMs > LATE_MS;
      waitMs = isLost ? 0 : Math.max(-lateMs, brakeMs);
      if (isLost) this.#slot = null;
      else if (waitMs <= 0) {
        if (outages === 0) {
          slot.lateMs = Math.max(0, lateMs);
          return 'go';
        }
        if (!(await store.holdHop(this.#hop, config.leaseMs))) return 'stopped';
        await askAgain(this.#ctx, this.#announcement, this.#some(nth));
      }
    }
  }

  async #reserve(from: number): Promise<Running | { readonly askAgainInMs: number }> {
    const slot = await reserveTurn(this.#ctx, this.#announcement, this.#devices.length - from);
    if ('askAgainInMs' in slot) return slot;
    this.#slot = { ...slot, from, opensAt: this.#ctx.clock.now() + slot.waitMs, lateMs: 0 };
    return this.#slot;
  }

  /** A few of those that are still to be sent. */
  #some(nth: number): Addressee[] {
    const last = this.#devices.length - 1;
    return [...new Set([nth, Math.floor((nth + last) / 2), last])].flatMap(
      (each) => this.#devices[each] ?? [],
    );
  }
}
