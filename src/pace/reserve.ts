import { findSource } from '../config/sources.ts';
import type { Context } from '../context.ts';
import type { Announcement } from '../model/announcement.ts';
import type { Budget } from '../model/budget.ts';
import { planSlot, type Slot } from './slot.ts';

/** A reserved slot, with the two numbers of the budget that say later whether it still holds: see Budget. */
export interface ReservedSlot extends Slot, Pick<Budget, 'brakes'> {
  urgentMs: number;
}

type Reserver = Pick<Context, 'store' | 'config' | 'log'>;

/** Nothing is reserved: the budget has no room yet. */
export interface NoRoom {
  readonly askAgainInMs: number;
}

/**
 * Reserves room for urgent messages in the budget of their source; or says in how many milliseconds to ask again, if the
 * caller cannot wait for it: `spareMs`. They wait only for other urgent messages: what broadcasts have reserved is delayed
 * by as much.
 */
export async function reserveUrgent(
  ctx: Reserver,
  source: string,
  messages: number,
  spareMs = Infinity,
): Promise<ReservedSlot | NoRoom> {
  for (;;) {
    const budget = await ctx.store.fetchBudget(source, null);
    const use = { isUrgent: true, announcementId: null, spareMs };
    const slot = await tryReserve(ctx, source, messages, budget, use);
    if (slot) return slot;
  }
}

/**
 * Reserves room for a page of a broadcast in the budget of its source; or says in how many milliseconds to ask again. An
 * invocation that ends before the slot would open (`spareMs`) reserves nothing: the next invocation of the same hop would
 * have to wait behind a slot that nobody uses.
 *
 * Announcements take turns: each reserves its next slot only when its last one has opened, however many of its lanes wait.
 * So of two announcements that run at the same time each gets half.
 */
export async function reserveTurn(
  ctx: Reserver,
  { source, announcementId }: Pick<Announcement, 'source' | 'announcementId'>,
  messages: number,
  spareMs = Infinity,
): Promise<ReservedSlot | NoRoom> {
  for (;;) {
    const budget = await ctx.store.fetchBudget(source, announcementId);
    if (budget.turnInMs > 0) return { askAgainInMs: budget.turnInMs };
    const use = { isUrgent: false, announcementId, spareMs };
    const slot = await tryReserve(ctx, source, messages, budget, use);
    if (slot === null) continue;
    if (!('askAgainInMs' in slot) && slot.rateShare < 1) {
      const perMinute = Math.round(findSource(ctx.config, source).pace.perMinute * slot.rateShare);
      ctx.log.info('below the full rate', { source, announcementId, perMinute });
    }
    return slot;
  }
}

/** Who reserves, and for how long the caller can wait. */
interface Use {
  readonly isUrgent: boolean;
  readonly announcementId: number | null;
  readonly spareMs: number;
}

/** Resolves to null if another hop has changed the budget in between. */
async function tryReserve(
  { store, config }: Reserver,
  source: string,
  messages: number,
  budget: Budget,
  { isUrgent, announcementId, spareMs }: Use,
): Promise<ReservedSlot | NoRoom | null> {
  const slot = planSlot(budget, messages, findSource(config, source).pace, {
    maxWindow: config.maxWindow,
    isUrgent,
  });
  const { takenMs, gapMs, spreadMs, startsRamp, waitMs } = slot;
  if (waitMs >= spareMs) return { askAgainInMs: waitMs };
  const turn = announcementId === null ? null : { announcementId, opensInMs: waitMs };
  const reservation = { takenMs, gapMs, spreadMs, startsRamp, isUrgent, turn };
  const isReserved = await store.reserveBudget(source, budget.version, reservation);
  return isReserved ? { ...slot, urgentMs: budget.urgentMs, brakes: budget.brakes } : null;
}
