import type { Config } from '../config/config.ts';
import type { Context } from '../context.ts';
import type { Notice } from '../model/notice.ts';
import { balanceIfCounted, type Totals } from '../model/summary.ts';
import type { AnnouncementSummary, Store } from '../store.ts';
import { causesOf, type MixVerdict, MIX_VERDICTS } from './mix-causes.ts';
import { judgeTargets, TARGET_DAYS } from './targets.ts';
import { formatCount, formatShare } from '../words.ts';

/** The last announcements of all sources that are looked at, in pages. */
const MAX_ANNOUNCEMENTS = 600;
const PAGE = 200;

/** A source's last broadcast is compared with so many before it; with fewer than MIN_BEFORE, nobody knows what is usual. */
const BEFORE = 5;
const MIN_BEFORE = 3;

/** More broadcasts are looked at than compared: some are too small. */
const CANDIDATES = 4 * (BEFORE + 1);

/** In fewer pushes, a handful of phones would be a jump. */
const MIN_PUSHES = 1000;

/** A broadcast that is older says nothing of today. */
const MAX_AGE_MS = 35 * 86_400_000;

/**
 * A share has jumped if it is more than three times the median of those before, and two points more: three times alone would
 * be reached by 0.1%, and two points alone by a share that is always high and swings. Twenty points more is red: a fifth of
 * the phones is lost.
 */
const JUMP_FACTOR = 3;
const JUMP_POINTS = 0.02;
const RED_POINTS = 0.2;

/** A share that is high already cannot become three times as much: then this is a jump. */
const LARGE_JUMP_POINTS = 0.15;

/** What the mix is judged with. */
interface MixContext {
  readonly store: Pick<Store, 'fetchLatest' | 'fetchTotals' | 'fetchAnnouncement' | 'fetchSignals'>;
  readonly config: Pick<Config, 'sources'>;
}

interface Broadcast extends AnnouncementSummary {
  /** Pushes whose end is known, or known to be unknown. */
  readonly pushes: number;
  readonly counts: Totals['counts'];
}

/**
 * Compares the shares of unregistered, rejected and unknown pushes of each source's last broadcast with those of up to five
 * before: a jump is a notice with its likely causes. So is a move of the share of devices that have a FID. Dry runs, mailings, broadcasts that were stopped and small ones are left
 * out. Everything is read from the hops' own counts.
 */
export async function judgeMix(ctx: MixContext & Pick<Context, 'clock'>): Promise<Notice[]> {
  const bySource = await fetchBroadcasts(ctx);
  const notices = [...bySource].map(async ([source, [last, ...before]]) => {
    if (last === undefined || before.length < MIN_BEFORE) return [];
    if (ctx.clock.now() - (last.finishedAt ?? 0) > MAX_AGE_MS) return [];
    const jumps = MIX_VERDICTS.filter((verdict) => hasJumped(verdict, last, before));
    if (jumps.length === 0) return [];
    const remarks = [...remarkOnPause(last, before), ...(await remarkOnAudience(ctx, last, before))];
    return jumps.map((verdict) => makeNotice(source, verdict, last, before, remarks));
  });
  const targets = await ctx.store.fetchSignals('targets', TARGET_DAYS);
  return [...(await Promise.all(notices)).flat(), ...judgeTargets(targets)];
}

/** The last broadcasts of each configured source that can be compared, the latest first. */
async function fetchBroadcasts({ store, config }: MixContext): Promise<Map<string, Broadcast[]>> {
  const bySource = new Map<string, AnnouncementSummary[]>();
  let beforeId: number | undefined;
  for (let read = 0; read < MAX_ANNOUNCEMENTS; read += PAGE) {
    const page = await store.fetchLatest(PAGE, beforeId);
    for (const each of page) {
      // A broadcast that was stopped has reached its first devices alone, which are the oldest.
      if (each.status !== 'done' || each.dryRun || each.audience !== 'devices') continue;
      if (!config.sources.has(each.source)) continue;
      const known = bySource.get(each.source) ?? [];
      bySource.set(each.source, known);
      if (known.length < CANDIDATES) known.push(each);
    }
    beforeId = page.at(-1)?.announcementId;
    if (page.length < PAGE) break;
  }
  const ids = [...bySource.values()].flat().map(({ announcementId }) => announcementId);
  const totals = ids.length === 0 ? new Map<number, Totals>() : await store.fetchTotals(ids);
  return new Map(
    [...bySource].map(([source, all]) => [
      source,
      all
        .flatMap((each) => count(each, totals.get(each.announcementId)))
        .toSorted((one, other) => (other.finishedAt ?? 0) - (one.finishedAt ?? 0))
        .slice(0, BEFORE + 1),
    ]),
  );
}

function count(summary: AnnouncementSummary, totals: Totals | undefined): Broadcast[] {
  const balance = balanceIfCounted(totals);
  if (balance === null || totals === undefined) return [];
  const pushes = balance.delivered + balance.unregistered + balance.rejected + balance.unknown;
  return pushes < MIN_PUSHES ? [] : [{ ...summary, pushes, counts: totals.counts }];
}

function shareOf({ counts, pushes }: Broadcast, verdict: MixVerdict): number {
  return counts[verdict] / pushes;
}

function usualShare(before: readonly Broadcast[], verdict: MixVerdict): number {
  return medianOf(before.map((each) => shareOf(each, verdict)));
}

function hasJumped(verdict: MixVerdict, last: Broadcast, before: readonly Broadcast[]): boolean {
  const [share, usual] = [shareOf(last, verdict), usualShare(before, verdict)];
  const isManyTimes = share > JUMP_FACTOR * usual && share - usual >= JUMP_POINTS;
  return isManyTimes || share - usual >= LARGE_JUMP_POINTS;
}

function makeNotice(
  source: string,
  verdict: MixVerdict,
  last: Broadcast,
  before: readonly Broadcast[],
  remarks: readonly string[],
): Notice {
  const [share, usual] = [shareOf(last, verdict), usualShare(before, verdict)];
  const { causes, remedy } = causesOf(verdict);
  const says =
    `source ${source}: ${formatShare(share, 1)} of the ${formatCount(last.pushes)} pushes of announcement ` +
    `${last.announcementId} are ${verdict}, the ${before.length} broadcasts before had ${formatShare(usual, 1)}`;
  return {
    name: `mix:${source}:${verdict}`,
    level: share - usual >= RED_POINTS ? 'red' : 'amber',
    says: [says, ...remarks, `likely causes: ${causes}`].join('; '),
    remedy: `${remedy}; \`baton report ${last.announcementId}\` shows the reasons`,
    dueOn: null,
    source: `counts of announcements ${[...before.toReversed(), last].map(({ announcementId }) => announcementId).join(', ')}`,
  };
}

/** Apps are removed all the time: after a long pause a broadcast finds more of them. */
function remarkOnPause(last: Broadcast, before: readonly Broadcast[]): string[] {
  const all = [last, ...before].map(({ startedAt, finishedAt }) => startedAt ?? finishedAt ?? 0);
  const pauses = all.slice(0, -1).map((at, nth) => at - (all[nth + 1] ?? at));
  const [pause = 0, ...others] = pauses;
  const days = Math.round(pause / 86_400_000);
  if (days < 2 || pause <= 3 * medianOf(others)) return [];
  return [`${days} days have passed since the one before, longer than usual`];
}

/** Another part of the devices may have another mix. */
async function remarkOnAudience(
  { store }: Pick<MixContext, 'store'>,
  last: Broadcast,
  before: readonly Broadcast[],
): Promise<string[]> {
  const all = await Promise.all(
    [last, ...before].map(async ({ announcementId }) => {
      const announcement = await store.fetchAnnouncement(announcementId);
      return JSON.stringify(announcement?.filter ?? null);
    }),
  );
  const [filter, ...others] = all;
  const different = others.filter((other) => other !== filter).length;
  if (different > 0) return [`${different} of those before had another audience`];
  const usual = medianOf(before.map(({ pushes }) => pushes));
  return last.pushes * 2 < usual || last.pushes > usual * 2
    ? [`those before had ${formatCount(usual)} pushes`]
    : [];
}

function medianOf(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] =
    sorted.length % 2 === 1 ? [sorted[middle], sorted[middle]] : sorted.slice(middle - 1, middle + 1);
  return (low + high) / 2;
}
