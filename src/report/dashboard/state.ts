import { waitsForApproval } from '../../broadcast/may-start.ts';
import type { Context } from '../../context.ts';
import { type SourceBudget, stopOf } from '../../model/budget.ts';
import type { ReceiptCounts } from '../../model/receipt.ts';
import { type Balance, balanceIfCounted } from '../../model/summary.ts';
import type { AnnouncementSummary } from '../../store.ts';
import { describeNotices } from '../notices.ts';
import { mayBeEdited } from '../standing.ts';

/** How many announcements one answer has at most: of the current ones, of the schedule, and of the history. */
const MAX_CURRENT = 100;
const MAX_SCHEDULED = 50;
const HISTORY_LENGTH = 25;

/** An announcement that failed less long ago stays among the current ones: somebody has to look at it. */
const FAILED_MS = 24 * 3_600_000;

/** One announcement of the dashboard. Times are milliseconds since the epoch. */
export interface DashboardRow extends AnnouncementSummary {
  /** Where its pushes are; null: it has not started, or an earlier release began it. */
  readonly balance: Balance | null;
  /** Columns of its row that were edited since its approval or its start, without effect. */
  readonly edited: readonly string[];
  /** True: it was paused at its start, because nobody had approved it. */
  readonly waitsForApproval: boolean;
  /** What phones report; null: no receipt has arrived. */
  readonly receipts: ReceiptCounts | null;
}

/** What a source can do at a moment. */
export const SOURCE_STATES = ['idle', 'sending', 'ramping', 'throttled', 'down'] as const;
export type SourceState = (typeof SOURCE_STATES)[number];

export interface DashboardSource {
  readonly source: string;
  readonly perMinute: number;
  readonly state: SourceState;
  /** When it sends again, or has sent what is reserved; null: now. */
  readonly until: number | null;
  /** Why it is throttled or down. */
  readonly reason: string | null;
  /** FCM's mean time to an answer; null: not measured yet. */
  readonly answerMs: number | null;
}

export interface DashboardState {
  /** The time by the function's clock. */
  readonly at: number;
  /** Milliseconds since the last tick of the schedule; null: there has been none. */
  readonly tickAgeMs: number | null;
  readonly current: readonly DashboardRow[];
  readonly scheduled: readonly DashboardRow[];
  /** Changes with the first page of the history, so that a page need not ask for that each time. */
  readonly history: string;
  readonly sources: readonly DashboardSource[];
  /** What checks have found that is red, a line each. */
  readonly checks: readonly string[];
}

type Ports = Pick<Context, 'store' | 'config' | 'clock'>;

/** What the dashboard asks for every other second: it counts nothing in the ledger, nor among the devices. */
export async function fetchDashboard({ store, config, clock }: Ports): Promise<DashboardState> {
  const [going, scheduled, latest, budgets, tickAgeMs, notices] = await Promise.all([
    store.fetchCurrent(MAX_CURRENT),
    store.fetchSchedule(MAX_SCHEDULED),
    store.fetchLatest(HISTORY_LENGTH),
    store.fetchSourceBudgets(),
    store.fetchTickAgeMs(),
    store.fetchNotices(),
  ]);
  const at = clock.now();
  const failed = latest.filter(
    ({ status, finishedAt }) => status === 'failed' && finishedAt !== null && at - finishedAt < FAILED_MS,
  );
  const current = [...going, ...failed].toSorted((one, two) => two.announcementId - one.announcementId);
  const budgetOf = new Map(budgets.map((budget) => [budget.source, budget]));
  return {
    at,
    tickAgeMs,
    current: await describeRows({ store }, current),
    scheduled: await describeRows({ store }, scheduled),
    history: latest
      .map(({ announcementId, status, finishedAt }) => `${announcementId} ${status} ${finishedAt}`)
      .join(),
    sources: Array.from(config.sources, ([source, { pace }]) =>
      describeSource({ source, ...pace }, budgetOf.get(source), at),
    ),
    checks: describeNotices(notices),
  };
}

/** Announcements of any status, the latest first; with `beforeId`, only those with a smaller id. */
export async function fetchHistory(
  { store }: Pick<Context, 'store'>,
  beforeId?: number,
): Promise<DashboardRow[]> {
  return describeRows({ store }, await store.fetchLatest(HISTORY_LENGTH, beforeId));
}

async function describeRows(
  { store }: Pick<Context, 'store'>,
  summaries: readonly AnnouncementSummary[],
): Promise<DashboardRow[]> {
  const begun = summaries.filter(({ startedAt }) => startedAt !== null);
  const ids = begun.map(({ announcementId }) => announcementId);
  const totals = await store.fetchTotals(ids);
  const receipts = await store.fetchReceiptCounts(ids);
  const edited = await store.fetchEdited(mayBeEdited(summaries));
  return summaries.map((summary) => ({
    ...summary,
    balance: balanceIfCounted(totals.get(summary.announcementId)),
    edited: edited.get(summary.announcementId) ?? [],
    waitsForApproval: waitsForApproval(summary),
    receipts: receipts.get(summary.announcementId) ?? null,
  }));
}

interface Source {
  readonly source: string;
  readonly perMinute: number;
  readonly rampMs: number;
}

function describeSource(
  { source, perMinute, rampMs }: Source,
  budget: SourceBudget | undefined,
  at: number,
): DashboardSource {
  if (!budget) return { source, perMinute, state: 'idle', until: null, reason: null, answerMs: null };
  const state = stateOf(budget, rampMs);
  const isHeld = state === 'throttled' || state === 'down';
  const waitMs = isHeld ? budget.brakeMs : budget.freeInMs;
  return {
    source,
    perMinute,
    state,
    until: waitMs > 0 ? at + waitMs : null,
    reason: isHeld ? budget.brakeReason : null,
    answerMs: budget.answerMs > 0 ? budget.answerMs : null,
  };
}

function stateOf(budget: SourceBudget, rampMs: number): SourceState {
  const { freeInMs, rampAgeMs } = budget;
  const stop = stopOf(budget);
  if (stop !== null) return stop;
  if (freeInMs <= 0) return 'idle';
  return rampAgeMs < rampMs ? 'ramping' : 'sending';
}
