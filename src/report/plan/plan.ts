import { findAnnouncement } from '../../broadcast/announcement.ts';
import { fetchParent, findReasonToWait } from '../../broadcast/may-start.ts';
import type { Config } from '../../config/config.ts';
import { findSource } from '../../config/sources.ts';
import type { Context } from '../../context.ts';
import { PushError } from '../../errors.ts';
import { restMessage } from '../../fcm/message.ts';
import { type Announcement, MAX_LANES } from '../../model/announcement.ts';
import { type Budget, stopOf } from '../../model/budget.ts';
import { describeFilter } from '../../model/filter-words.ts';
import { collapseKeyOf } from '../../model/delivery.ts';
import { quietUntil } from '../../model/quiet-hours.ts';
import { toIso } from '../../words.ts';
import { costOf, gbSecondsOf, LAMBDA_PRICES, type LambdaPrices, MEMORY_MB } from '../prices.ts';
import { fetchTimes } from '../times.ts';
import { type Conditions, estimate, type Estimate, type Rival } from './estimate.ts';
import { perMinuteFor } from './finish-by.ts';
import { type ExpectedRetries, expectRetries } from './retries.ts';
import { fetchPrevious, fetchRivals } from './rivals.ts';
import { listWarnings } from './warnings.ts';

/** FCM's mean time to an answer before the first broadcast has measured it, in milliseconds: a cautious estimate. */
const ASSUMED_ANSWER_MS = 300;

/** Number of announcements among which others of the same source, and its last one, are looked for. */
const MAX_COMPARED = 500;

/** What an announcement is expected to do if it starts at its time. Times are in milliseconds since the epoch. */
export interface Plan {
  readonly announcementId: number;
  readonly source: string;
  readonly audience: number;
  /** Which devices it is for, in words; null: all, or a mailing. */
  readonly audienceWords: string | null;
  readonly hops: number;
  readonly lanes: number;
  readonly pageSize: number;
  readonly startsAt: number;
  readonly endsAt: number;
  /** With the retry rounds that are expected. */
  readonly durationMs: number;
  /** Null: none is expected. */
  readonly retries: ExpectedRetries | null;
  /** The source's budget. Of a source that is not configured here, FCM_SOURCE's. */
  readonly perMinute: number;
  readonly rampMs: number;
  /** FCM's mean time to an answer; `isMeasured` is false if it is assumed. */
  readonly answerMs: number;
  readonly isMeasured: boolean;
  readonly peakInFlight: number;
  readonly peakConcurrency: number;
  /** MySQL connections at the peak; 0 with SQLite. */
  readonly databaseConnections: number;
  readonly cost: Cost;
  readonly finishBy: FinishBy | null;
  readonly warnings: readonly string[];
  /** The message as FCM gets it, without its target; null: a mailing, or a row that cannot be sent. */
  readonly sample: Readonly<Record<string, unknown>> | null;
}

/** `planToJson` is a plan for programs: its times are ISO 8601. */
export function planToJson({ startsAt, endsAt, finishBy, warnings, ...rest }: Plan) {
  return {
    ...rest,
    startsAt: toIso(startsAt),
    endsAt: toIso(endsAt),
    finishBy: finishBy && { ...finishBy, at: toIso(finishBy.at) },
    warnings: [...warnings],
  };
}

export interface Cost {
  readonly memoryMb: number;
  readonly gbSeconds: number;
  readonly requests: number;
  /** Dollars by architecture. */
  readonly dollars: { readonly x86_64: number; readonly arm64: number };
  readonly prices: LambdaPrices;
}

/** Whether an announcement ends by a time. */
export interface FinishBy {
  readonly at: number;
  readonly isPossible: boolean;
  /** The smallest FCM_MESSAGES_PER_MINUTE at which it ends by then; null: at none. */
  readonly perMinute: number | null;
}

/** A source that has sent nothing for this long is idle. */
const IDLE_MS = 86_400_000;

/** Where a plan reads from: nothing here sends, starts or changes anything. */
export type Planner = Pick<Context, 'store' | 'config' | 'clock'>;

/**
 * Plans an announcement that has not started. PushError('NO_SUCH_ANNOUNCEMENT'), or ('WRONG_STATUS') for one that has.
 */
export async function makePlan(
  ctx: Planner,
  announcementId: number,
  { finishBy = null }: { readonly finishBy?: number | null } = {},
): Promise<Plan> {
  const { store } = ctx;
  const announcement = await findAnnouncement({ store }, announcementId);
  const { status } = announcement;
  if (status !== 'draft' && status !== 'scheduled') {
    const expected = 'an announcement that is draft or scheduled';
    const got = `${announcementId}, which is ${status}`;
    throw PushError.of('WRONG_STATUS', [{ field: 'announcementId', expected, got }]);
  }
  const { publishAt } = await fetchTimes({ store }, announcementId);
  return planAnnouncement(ctx, announcement, { publishAt, finishBy });
}

/** Plans an announcement that is to start at `publishAt`, or now; it need not be in the table yet. */
export async function planAnnouncement(
  ctx: Planner,
  announcement: Announcement,
  { publishAt, finishBy = null }: { readonly publishAt: number | null; readonly finishBy?: number | null },
): Promise<Plan> {
  const { store, config, clock } = ctx;
  const { announcementId, source, status } = announcement;
  const latest = await store.fetchLatest(MAX_COMPARED);
  const now = clock.now();
  const dueAt = Math.max(now, publishAt ?? now);
  const quietHours = announcement.dryRun ? null : config.sources.get(source)?.quietHours;
  const quietEnd = quietUntil(quietHours, dueAt);
  const startsAt = quietEnd ?? dueAt;
  const others = latest.filter((other) => other.announcementId !== announcementId && other.source === source);
  const { devices } = await store.countAudience(announcement, 0);
  const rivals = await fetchRivals(ctx, others, startsAt, devices);
  const budget = config.sources.has(source) ? await store.fetchBudget(source, null) : null;
  const conditions = makeConditions(config, announcement, budget, {
    pushes: devices,
    delayMs: startsAt - now,
    rivals,
  });
  const estimated = estimate(conditions);
  const retries = await expectRetries(ctx, others, announcement, {
    pushes: devices,
    perMinute: conditions.pace.perMinute,
    answerMs: conditions.answerMs,
  });
  const retryMs = retries?.ms ?? 0;
  const durationMs = estimated.durationMs + retryMs;
  const plan = {
    announcementId,
    source,
    startsAt,
    endsAt: startsAt + durationMs,
    durationMs,
    retries,
    audience: devices,
    audienceWords:
      announcement.filter && announcement.audience === 'devices' ? describeFilter(announcement.filter) : null,
    hops: estimated.hops,
    lanes: conditions.lanes,
    pageSize: config.pageSize,
    perMinute: conditions.pace.perMinute,
    rampMs: conditions.pace.rampMs,
    answerMs: conditions.answerMs,
    isMeasured: (budget?.answerMs ?? 0) > 0,
    peakInFlight: estimated.peakInFlight,
    peakConcurrency: estimated.peakConcurrency,
    databaseConnections: estimated.peakConcurrency * connectionsOf(config),
    cost: costsOf(estimated),
    finishBy: finishBy === null ? null : judgeFinish(conditions, startsAt, finishBy, { durationMs, retryMs }),
    sample: makeSample(announcement, startsAt),
  };
  const warnings = listWarnings(plan, {
    announcement,
    credentials: config.sources.get(source)?.credentials ?? null,
    brakeMs: budget?.brakeMs ?? 0,
    isDown: budget !== null && stopOf(budget) === 'down',
    tickAgeMs: await store.fetchTickAgeMs(),
    isScheduled: status === 'scheduled',
    waits: findReasonToWait(announcement, devices, {
      ...config,
      parent: await fetchParent({ store }, announcement),
    }),
    quiet: quietHours && quietEnd !== null ? { rule: quietHours.rule, until: quietEnd } : null,
    previous: await fetchPrevious(ctx, others, announcement),
    rivals: rivals.map(({ announcementId: id }) => id),
  });
  return { ...plan, warnings };
}

function makeConditions(
  config: Config,
  { source, lanes }: Announcement,
  budget: Budget | null,
  { pushes, delayMs, rivals }: { pushes: number; delayMs: number; rivals: readonly Rival[] },
): Conditions {
  const { pageSize, batchSize, maxWindow, concurrency } = config;
  const { pace } = config.sources.get(source) ?? findSource(config, config.source);
  // A source that has never sent is idle.
  const idle = { freeInMs: -IDLE_MS, spreadInMs: -IDLE_MS, rampAgeMs: IDLE_MS, answerMs: 0 };
  const { freeInMs, spreadInMs, rampAgeMs, answerMs } = budget ?? idle;
  return {
    pushes,
    lanes: Math.max(1, Math.min(MAX_LANES, lanes)),
    pageSize,
    batchSize,
    maxWindow,
    concurrency,
    pace,
    rivals,
    answerMs: answerMs || ASSUMED_ANSWER_MS,
    budget: {
      freeInMs: freeInMs - delayMs,
      spreadInMs: spreadInMs - delayMs,
      rampAgeMs: rampAgeMs + delayMs,
    },
  };
}

function connectionsOf({ database }: Config): number {
  switch (database.kind) {
    case 'sqlite':
      return 0;
    case 'mysql':
      return database.connections ?? 1;
  }
}

/** One request for each hop, and one for the event that starts the announcement. */
function costsOf({ busyMs, hops }: Estimate): Cost {
  const gbSeconds = gbSecondsOf(busyMs);
  const requests = hops + 1;
  return {
    memoryMb: MEMORY_MB,
    gbSeconds,
    requests,
    dollars: {
      x86_64: costOf(gbSeconds, requests, 'x86_64'),
      arm64: costOf(gbSeconds, requests, 'arm64'),
    },
    prices: LAMBDA_PRICES,
  };
}

function judgeFinish(
  conditions: Conditions,
  startsAt: number,
  at: number,
  { durationMs, retryMs }: { readonly durationMs: number; readonly retryMs: number },
): FinishBy {
  const limitMs = at - startsAt;
  return { at, isPossible: durationMs <= limitMs, perMinute: perMinuteFor(conditions, limitMs - retryMs) };
}

function makeSample(
  { announcementId, audience, content, ttlSeconds }: Announcement,
  nowMs: number,
): Plan['sample'] {
  if (content === null || audience === 'messages') return null;
  return restMessage({ content, ttlSeconds, collapseKey: collapseKeyOf({ announcementId }) }, nowMs);
}
