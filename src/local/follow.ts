import { PushError } from '../errors.ts';
import type { Announcement } from '../model/announcement.ts';
import type { Counts } from '../model/delivery.ts';
import type { Totals } from '../model/summary.ts';
import type { Store } from '../store.ts';
import type { Engine } from './engine.ts';
import type { LambdaStats } from './lambda/stats.ts';

/** Number of ticks without progress after which `follow` gives up, if invocations fail meanwhile. */
const PATIENCE_TICKS = 5;
const TICK_MS = 60_000;
/** Minimum patience: a lease may be 6 s, and a hop may fail several times before it succeeds. */
const MIN_PATIENCE_MS = 30_000;

const POLL_MS = 200;
const IDLE_POLL_MS = 20;
/** Maximum share of the time that goes into polling: of an announcement that an earlier release began, the ledger is counted. */
const POLL_SHARE = 1 / 20;

/** The state of one announcement, or the sum of several that run at once. */
export interface Progress {
  /** The first announcement that has not ended, or else one that ended with a status other than `done`, if there is one. */
  readonly announcement: Announcement;
  readonly counts: Counts;
  readonly hops: { readonly open: number; readonly closed: number };
  readonly lambda: LambdaStats;
  readonly seconds: number;
}

type ProgressStore = Pick<Store, 'fetchAnnouncement' | 'fetchTotals' | 'countDeliveries' | 'countHops'>;

/**
 * `follow` polls until the announcements have ended, or until they make no progress any more. It resolves to the last
 * progress, whose status shows which of the two. The numbers are those that the hops keep; only the last ones are counted in
 * the ledger. A database that fails is asked again as long as `follow` would wait for
 * progress: the function outlasts such a time too.
 */
export async function follow(
  engine: Pick<Engine, 'hurry' | 'clock'> & { readonly lambda: Pick<Engine['lambda'], 'stats'> },
  store: ProgressStore,
  announcementIds: readonly number[],
  onProgress: (progress: Progress) => void,
): Promise<Progress> {
  const { lambda, hurry, clock } = engine;
  const startedAt = clock.now();
  const fetchProgress = async (isLast = false): Promise<Progress> => {
    const totals = await store.fetchTotals(announcementIds);
    const all = await Promise.all(
      announcementIds.map((announcementId) =>
        fetchOne(store, announcementId, isLast ? undefined : totals.get(announcementId)),
      ),
    );
    const [first, ...rest] = all.toSorted((one, two) => rank(one.announcement) - rank(two.announcement));
    if (!first) throw new Error('no announcement to follow');
    return {
      announcement: first.announcement,
      counts: rest.reduce((sum, { counts }) => addUp(sum, counts), first.counts),
      hops: rest.reduce((sum, { hops }) => addUp(sum, hops), first.hops),
      lambda: lambda.stats(),
      seconds: (clock.now() - startedAt) / 1000,
    };
  };
  const patienceMs = Math.max(MIN_PATIENCE_MS, (PATIENCE_TICKS * TICK_MS) / hurry);
  const isStuck = makeStuckDetector(patienceMs / 1000);
  let answeredAt = startedAt;
  let lastTookMs = Infinity;
  for (;;) {
    const pollStartedAt = clock.now();
    const progress = await fetchProgress().catch((error: unknown) => {
      if (!isOfDatabase(error) || clock.now() - answeredAt > patienceMs) throw error;
      return null;
    });
    if (progress === null) {
      await clock.sleep(POLL_MS);
      continue;
    }
    answeredAt = clock.now();
    onProgress(progress);
    if (rank(progress.announcement) > 0) {
      // Hops that still run notice the end before their next push.
      while (lambda.stats().inFlight > 0) await clock.sleep(IDLE_POLL_MS);
      return { ...(await fetchProgress(true)), seconds: progress.seconds };
    }
    if (isStuck(progress)) return { ...(await fetchProgress(true)), seconds: progress.seconds };
    // One slow poll means that the database was locked for a while; two, that counting takes so long.
    const tookMs = clock.now() - pollStartedAt;
    await clock.sleep(Math.max(POLL_MS, Math.min(tookMs, lastTookMs) / POLL_SHARE));
    lastTookMs = tookMs;
  }
}

function isOfDatabase(error: unknown): boolean {
  return error instanceof PushError && error.code === 'DATABASE';
}

/** `fetchOne` takes the numbers of the hops from `totals`; without, or of an earlier release, the ledger is counted. */
async function fetchOne(store: ProgressStore, announcementId: number, totals: Totals | undefined) {
  const announcement = await store.fetchAnnouncement(announcementId);
  if (!announcement) {
    const expected = 'the id of a row in push_announcement';
    const got = String(announcementId);
    throw PushError.of('NO_SUCH_ANNOUNCEMENT', [{ field: 'announcementId', expected, got }]);
  }
  if (totals?.isCounted) return { announcement, counts: totals.counts, hops: totals.hops };
  return {
    announcement,
    counts: await store.countDeliveries(announcementId),
    hops: await store.countHops(announcementId),
  };
}

/** `rank` orders announcements: those that have not ended first, those that are done last. */
function rank({ status }: Announcement): number {
  switch (status) {
    case 'draft':
    case 'scheduled':
    case 'running':
      return 0;
    case 'paused':
    case 'cancelled':
    case 'failed':
      return 1;
    case 'done':
      return 2;
  }
}

function addUp<T extends Readonly<Record<string, number>>>(one: T, two: T): T {
  return Object.fromEntries(
    Object.entries(one).map(([name, count]) => [name, count + (two[name] ?? 0)]),
  ) as T;
}

/** The detector returns true once waiting any longer makes no sense. */
function makeStuckDetector(patienceSeconds: number): (progress: Progress) => boolean {
  let last = { work: '', seconds: 0, errors: 0 };
  return ({ counts, hops, lambda, seconds }) => {
    const { inFlight, queued, recursionDropped, errors } = lambda;
    // The ticks would wake the chain again, 16 hops at a time; but a user who forgot to allow the loop must be shown that.
    if (recursionDropped > 0 && inFlight === 0 && queued === 0) return true;
    const work = JSON.stringify([counts, hops]);
    if (work !== last.work) last = { work, seconds, errors };
    return seconds - last.seconds > patienceSeconds && errors > last.errors;
  };
}
