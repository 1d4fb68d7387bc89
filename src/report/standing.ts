import { findAnnouncement } from '../broadcast/announcement.ts';
import type { Config, PaceConfig } from '../config/config.ts';
import type { Context } from '../context.ts';
import type { Announcement, AnnouncementStatus } from '../model/announcement.ts';
import { stopOf } from '../model/budget.ts';
import { type Counts, sumCounts } from '../model/delivery.ts';
import type { DeliveryDay } from '../model/delivery-data.ts';
import type { ReceiptCounts } from '../model/receipt.ts';
import { quietUntil } from '../model/quiet-hours.ts';
import {
  type Balance,
  balanceIfCounted,
  balanceOf,
  type HopSummary,
  quantileOf,
  type ReasonTally,
  type Totals,
} from '../model/summary.ts';
import type { AnnouncementSummary, Store } from '../store.ts';
import { fetchTotalsOf } from '../store/summaries.ts';
import { fetchDeliveryDays, fetchReceipts } from './receipts.ts';
import { sumAnswers, sumReasons, sumSent } from './sums.ts';
import { fetchTimes, type Times } from './times.ts';
import { listWaits, type Wait } from './waits.ts';

/** Reasons that a standing names, those of the most pushes. */
const MAX_REASONS = 5;

/** The rate now is that of the last seconds. */
const NOW_MS = 10_000;

/** How far an announcement is, without a look into the ledger. Times are milliseconds since the epoch. */
export interface Standing extends Times {
  readonly announcement: Announcement;
  /** Rows of the ledger by verdict. */
  readonly counts: Counts;
  /** Null: it has not started, or an earlier release started it. */
  readonly balance: Balance | null;
  /** `held`: an invocation works on them now. */
  readonly hops: { readonly open: number; readonly held: number; readonly closed: number };
  /** Pushes a second; null: none yet. */
  readonly perSecond: { readonly now: number | null; readonly average: number | null };
  /** True: nothing is sent now, because FCM is down or throttles the source. */
  readonly isHeld: boolean;
  /** Milliseconds until everything is sent, at the rate now; null: not known, held, or ended. */
  readonly endsInMs: number | null;
  /** FCM's answer times over all hops; null: no answer yet. */
  readonly answers: { readonly p50Ms: number; readonly p95Ms: number } | null;
  /** Why pushes were not delivered at an attempt, the most frequent reasons first. */
  readonly errors: readonly (ReasonTally & { readonly reason: string })[];
  readonly waitsFor: readonly Wait[];
  /** What phones report; null: no receipt has arrived. */
  readonly receipts: ReceiptCounts | null;
  /** What FCM's Data API says of its label, by day. */
  readonly deliveryData: readonly DeliveryDay[];
}

/** What a standing is read with. `paceOf` knows the budget of a source; null where it is not configured. */
export interface Observer extends Pick<Context, 'store' | 'clock'> {
  readonly paceOf: (source: string) => PaceConfig | null;
  /** When the quiet hours of a source end that it is in now; absent: it is not known. */
  readonly quietUntil?: (source: string, nowMs: number) => number | null;
}

/** What a configuration says of sources. */
export function makeKnowledge({ sources }: Pick<Config, 'sources'>): Pick<Observer, 'paceOf' | 'quietUntil'> {
  return {
    paceOf: (source) => sources.get(source)?.pace ?? null,
    quietUntil: (source, nowMs) => quietUntil(sources.get(source)?.quietHours, nowMs),
  };
}

/** Reads how far an announcement is. PushError('NO_SUCH_ANNOUNCEMENT'). */
export async function fetchStanding(observer: Observer, announcementId: number): Promise<Standing> {
  const { store, clock } = observer;
  const announcement = await findAnnouncement(observer, announcementId);
  const { publishAt, startedAt, finishedAt } = await fetchTimes({ store }, announcementId);
  const totals = await fetchCounted(store, announcementId);
  const hops = await store.fetchHopSummaries(announcementId);
  const now = clock.now();
  const balance = balanceOf(totals);
  const perSecond = ratesOf(hops, { startedAt, finishedAt }, now);
  const isRunning = announcement.status === 'running';
  const budget = isRunning ? await store.fetchBudget(announcement.source, announcementId) : null;
  const isHeld = budget !== null && stopOf(budget) !== null;
  const waitsFor = await listWaits(observer, { announcement, publishAt, hops, budget, now });
  return {
    announcement,
    publishAt,
    startedAt,
    finishedAt,
    counts: totals.counts,
    balance,
    hops: { ...totals.hops, held: hops.filter((hop) => hop.isHeld).length },
    perSecond,
    isHeld,
    endsInMs: isRunning && !isHeld ? endOf(balance, perSecond, waitsFor, now) : null,
    answers: answersOf(hops),
    errors: sumReasons(hops).slice(0, MAX_REASONS),
    waitsFor,
    receipts: await fetchReceipts({ store }, announcementId),
    deliveryData: await fetchDeliveryDays({ store }, announcement, { startedAt, finishedAt }),
  };
}

/** The sums over the hops; of an announcement that an earlier release worked on, the ledger is counted instead. */
async function fetchCounted(
  store: Pick<Store, 'fetchTotals' | 'countDeliveries'>,
  announcementId: number,
): Promise<Totals> {
  const totals = await fetchTotalsOf(store, announcementId);
  if (totals.isCounted) return totals;
  const counts = await store.countDeliveries(announcementId);
  return { ...totals, counts, read: Math.max(totals.read, sumCounts(counts)) };
}

/** An announcement's numbers for a list. */
export interface Listed extends AnnouncementSummary {
  /** Null: it has not started, or an earlier release started it. */
  readonly balance: Balance | null;
  /** Milliseconds from its start to its end, or until now; null: it has not started. */
  readonly tookMs: number | null;
  /** Columns of its row that were edited since its approval or its start, without effect; of one that has ended, none. */
  readonly edited: readonly string[];
}

/** Adds to announcements how far they are, by one statement for all. */
export async function fetchListed(
  { store, clock }: Pick<Context, 'clock'> & { readonly store: Pick<Store, 'fetchTotals' | 'fetchEdited'> },
  announcements: readonly AnnouncementSummary[],
): Promise<Listed[]> {
  const totals = await store.fetchTotals(announcements.map(({ announcementId }) => announcementId));
  const edited = await store.fetchEdited(mayBeEdited(announcements));
  const now = clock.now();
  return announcements.map((announcement) => {
    const { startedAt, finishedAt } = announcement;
    return {
      ...announcement,
      balance: balanceIfCounted(totals.get(announcement.announcementId)),
      tookMs: startedAt === null ? null : (finishedAt ?? now) - startedAt,
      edited: edited.get(announcement.announcementId) ?? [],
    };
  });
}

/** The ids of announcements whose rows may be edited without effect, while somebody could still do something about it. */
export function mayBeEdited(announcements: readonly AnnouncementSummary[]): number[] {
  const statuses: readonly AnnouncementStatus[] = ['scheduled', 'running', 'paused', 'failed'];
  return announcements
    .filter(({ status }) => statuses.includes(status))
    .map(({ announcementId }) => announcementId);
}

/** The share of the audience that is delivered, from 0 to 1; of an empty audience everything is. */
export function reachedOf({ audience, delivered }: Balance): number {
  return audience === 0 ? 1 : delivered / audience;
}

/** Pushes that have ended otherwise than delivered. */
export function failedOf({ unregistered, rejected, unknown }: Balance): number {
  return unregistered + rejected + unknown;
}

/** The share of the audience whose pushes have ended, from 0 to 1. */
export function progressOf({ audience, unsent }: Balance): number {
  return audience === 0 ? 1 : (audience - unsent) / audience;
}

function ratesOf(
  hops: readonly HopSummary[],
  { startedAt, finishedAt }: Pick<Times, 'startedAt' | 'finishedAt'>,
  now: number,
): Standing['perSecond'] {
  const sent = sumSent(hops);
  if (sent === 0 || startedAt === null) return { now: null, average: null };
  const seconds = Math.max(1, (finishedAt ?? now) - startedAt) / 1000;
  return { now: finishedAt === null ? rateWithin(hops, now - NOW_MS, now) : null, average: sent / seconds };
}

/** Pushes a second within a time, as if each hop had sent evenly from the opening of its slot to its end. */
export function rateWithin(hops: readonly HopSummary[], fromMs: number, toMs: number): number {
  const firstAt = Math.min(...hops.map(({ openedAt }) => openedAt ?? Infinity));
  const since = Math.max(fromMs, firstAt);
  if (since >= toMs) return 0;
  let sent = 0;
  for (const { openedAt, closedAt, work } of hops) {
    if (openedAt === null) continue;
    const end = closedAt ?? toMs;
    const within = Math.min(end, toMs) - Math.max(openedAt, since);
    if (within > 0) sent += work.sent * Math.min(1, within / Math.max(1, end - openedAt));
  }
  return (sent / (toMs - since)) * 1000;
}

function endOf(
  balance: Balance | null,
  perSecond: Standing['perSecond'],
  waitsFor: readonly Wait[],
  now: number,
): number | null {
  if (balance === null) return null;
  const rate = perSecond.now === null || perSecond.now === 0 ? perSecond.average : perSecond.now;
  if (rate === null || rate === 0) return null;
  const waitMs = Math.max(
    0,
    ...waitsFor.map(({ until, isStop }) => (isStop && until !== null ? until - now : 0)),
  );
  return Math.round(waitMs + (balance.unsent / rate) * 1000);
}

function answersOf(hops: readonly HopSummary[]): Standing['answers'] {
  const answers = sumAnswers(hops);
  const [p50Ms, p95Ms] = [quantileOf(answers, 0.5), quantileOf(answers, 0.95)];
  return p50Ms === null || p95Ms === null ? null : { p50Ms, p95Ms };
}
