import type { Context } from '../context.ts';
import { isBadRow, messageOf } from '../errors.ts';
import type { Actor } from '../model/audit.ts';
import type { OldAnnouncement, Pruned } from '../store/retention.ts';

/** Rows of one batch. */
const ROWS_PER_BATCH = 2000;

/** For one part of work in the database there are nine parts of rest: pruning takes a tenth of its time at most. */
const REST_PER_WORK = 9;

/** After this time a turn that was not given back is over: its process was killed. */
const TURN_MS = 60_000;

/** How long to wait for the turn of another pruner. */
const WAIT_MS = 1000;

const ANNOUNCEMENTS_PER_READ = 100;

export interface PruneOptions {
  /** What ended earlier than this is deleted. */
  readonly ageMs: number;
  readonly actor: Actor;
  /** How long to work; absent: until nothing old is left. */
  readonly forMs?: number;
  /** Called when an announcement has no deliveries any more. */
  readonly onAnnouncement?: (announcement: OldAnnouncement, pruned: Pruned) => void;
}

export interface PruneReport extends Pruned {
  /** Number of announcements of which everything old is gone. */
  readonly announcements: number;
  /** False: the time was over before everything old was deleted. */
  readonly isComplete: boolean;
}

/**
 * Deletes what is old, in small batches with rests between them. All pruners together take one turn after another, so that
 * none of them makes the database busier. What a crash leaves is found again by the next one.
 */
export async function prune(
  ctx: Pick<Context, 'store' | 'clock' | 'log'>,
  options: PruneOptions,
): Promise<PruneReport> {
  const { store, log } = ctx;
  const { ageMs } = options;
  const turns = new Turns(ctx, options.forMs ?? Infinity);
  const sum = { announcements: 0, deliveries: 0, messages: 0 };
  const add = ({ deliveries, messages }: Pruned): void => {
    sum.deliveries += deliveries;
    sum.messages += messages;
  };
  try {
    for (let afterId = 0; ;) {
      const old = await turns.take(() => store.fetchOldAnnouncements(ageMs, afterId, ANNOUNCEMENTS_PER_READ));
      for (const announcement of old) {
        const { announcementId } = announcement;
        const before = { ...sum };
        try {
          if (!(await pruneAnnouncement(ctx, turns, announcement, options, add))) continue;
        } catch (error) {
          // A row that cannot be read keeps no other announcement from being pruned.
          if (!isBadRow(error)) throw error;
          log.error('announcement not pruned', { announcementId, why: messageOf(error) });
          continue;
        }
        sum.announcements++;
        const deliveries = sum.deliveries - before.deliveries;
        const messages = sum.messages - before.messages;
        options.onAnnouncement?.(announcement, { deliveries, messages });
        log.info('announcement pruned', { announcementId, deliveries, messages });
      }
      const last = old.at(-1);
      if (!last || old.length < ANNOUNCEMENTS_PER_READ) break;
      afterId = last.announcementId;
    }
    await takeAll(turns, () => store.pruneAtOnce(ageMs, ROWS_PER_BATCH), add);
    await takeAll(turns, () => store.pruneAlerts(ageMs, ROWS_PER_BATCH), add);
    await turns.take(() => store.pruneChecks());
    return { ...sum, isComplete: true };
  } catch (error) {
    if (error instanceof TimeOver) return { ...sum, isComplete: false };
    throw error;
  }
}

/** Deletes what an announcement has; false if it is no longer one that has ended. */
async function pruneAnnouncement(
  { store }: Pick<Context, 'store'>,
  turns: Turns,
  announcement: OldAnnouncement,
  { ageMs, actor }: PruneOptions,
  add: (pruned: Pruned) => void,
): Promise<boolean> {
  const { announcementId, isBegun } = announcement;
  if (!isBegun) {
    for (const hop of await turns.take(() => store.fetchUncountedHops(announcementId))) {
      await turns.take(() => store.countPage(hop));
    }
    if (!(await turns.take(() => store.beginPruning(announcement, ageMs, actor)))) return false;
  }
  await takeAll(turns, () => store.pruneBatch(announcementId, ROWS_PER_BATCH), add);
  return true;
}

/** Takes turns until nothing is left to delete. */
async function takeAll(
  turns: Turns,
  next: () => Promise<Pruned | null>,
  add: (pruned: Pruned) => void,
): Promise<void> {
  for (let batch = await turns.take(next); batch !== null; batch = await turns.take(next)) add(batch);
}

class TimeOver extends Error {
  override readonly name = 'TimeOver';
}

/** Turns at the database, each followed by its rest. */
class Turns {
  readonly #ctx: Pick<Context, 'store' | 'clock'>;
  readonly #until: number;
  #restMs = 0;

  constructor(ctx: Pick<Context, 'store' | 'clock'>, forMs: number) {
    this.#ctx = ctx;
    this.#until = ctx.clock.now() + forMs;
  }

  /** Does the work when it is its turn. Throws TimeOver if that would be too late. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    const { store, clock } = this.#ctx;
    await this.#sleep(this.#restMs);
    while (!(await store.claimPruning(TURN_MS))) await this.#sleep(WAIT_MS);
    const startedAt = clock.now();
    try {
      return await work();
    } finally {
      this.#restMs = REST_PER_WORK * Math.max(1, clock.now() - startedAt);
      await store.restPruning(this.#restMs);
    }
  }

  async #sleep(ms: number): Promise<void> {
    const { clock } = this.#ctx;
    if (clock.now() + ms >= this.#until) throw new TimeOver();
    if (ms > 0) await clock.sleep(ms);
  }
}
