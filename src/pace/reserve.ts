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

/**
 * Reserves room for urgent messages in the budget of their source. They wait only for other urgent messages: what broadcasts
 * have reserved is delayed by as much.
 */
export async function reserveUrgent(ctx: Reserver, source: string, messages: number): Promise<ReservedSlot> {
  for (;;) {
    const budget = await ctx.store.fetchBudget(source, null);
    const slot = await tryReserve(ctx, source, messages, budget, { isUrgent: true, announcementId: null });
    if (slot) return slot;
  }
}

/**
 * Reserves room for a page of a broadcast in the budget of its source; or says in how many milliseconds to ask again.
 *
 * Announcements take turns: each reserves its next slot only when its last one has opened, however many of its lanes wait.
 * So of two announcements that run at the same time each gets half.
 */
export async function reserveTurn(
  ctx: Reserver,
  { source, announcementId }: Pick<Announcement, 'source' | 'announcementId'>,
  messages: number,
): Promise<ReservedSlot | { readonly askAgainInMs: number }> {
  for (;;) {
    const budget = await ctx.store.fetchBudget(source, announcementId);
    if (budget.turnInMs > 0) return { askAgainInMs: budget.turnInMs };
    const slot = await tryReserve(ctx, source, messages, budget, { isUrgent: false, announcementId });
    if (!slot) continue;
    if (slot.rateShare < 1) {
      const perMinute = Math.round(findSource(ctx.config, source).pace.perMinute * slot.rateShare);
      ctx.log.info('below the full rate', { source, announcementId, perMinute });
    }
    return slot;
  }
}

/** Resolves to null if another hop has changed the budget in between. */
async function tryReserve(
  { store, config }: Reserver,
  source: string,
  messages: number,
  budget: Budget,
  { isUrgent, announcementId }: { readonly isUrgent: boolean; readonly announcementId: number | null },
): Promise<ReservedSlot | null> {
  const { window } = config;
  const slot = planSlot(budget, messages, findSource(config, source).pace, { window, isUrgent });
  const { takenMs, gapMs, spreadMs, startsRamp, waitMs } = slot;
  const turn = announcementId === null ? null : { announcementId, opensInMs: waitMs };
  const reservation = { takenMs, gapMs, spreadMs, startsRamp, isUrgent, turn };
  const isReserved = await store.reserveBudget(source, budget.version, reservation);
  return isReserved ? { ...slot, urgentMs: budget.urgentMs, brakes: budget.brakes } : null;
}
