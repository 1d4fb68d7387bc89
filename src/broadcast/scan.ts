import { raiseAlerts } from '../alert/alert.ts';
import { judgeCanaries } from '../canary/judge.ts';
import type { Context, Log, LogFields } from '../context.ts';
import { isBadRow, messageOf } from '../errors.ts';
import { firstJob, sameJob } from '../job.ts';
import type { HopKey } from '../model/hop.ts';
import { startChecks } from './checks.ts';
import { finishIfComplete } from './finish.ts';
import { startLanes } from './lanes.ts';
import { prune } from './prune.ts';
import { AHEAD_MS, makeParts } from './series.ts';

/** One tick starts, wakes or finishes at most this many of each; the next tick does the rest. */
const MAX_PER_TICK = 100;

/** One tick prepares at most so many starts: each is an invocation that waits. */
const MAX_WAITING = 10;

/** How much further than the time between two ticks it looks for starts to prepare: no tick is on time to the second. */
const AHEAD_PER_TICK = 1.25;

/** More messages than this become several mailings, so that no transaction takes long. */
export const MAX_MESSAGES_PER_MAILING = 100_000;

/** After so many errors in a row it is not the rows: the database or Lambda does not answer, and each error takes seconds. */
const MAX_ERRORS_IN_A_ROW = 10;

/** How long one tick deletes what is old. */
const MAX_PRUNING_MS = 20_000;

const MS_PER_DAY = 86_400_000;

export interface ScanReport {
  readonly kind: 'scan';
  /** Number of scheduled announcements that were started, mailings among them. */
  readonly started: number;
  /** Number of hops that were woken: their invocation was killed, its event was lost, or a retry round is due. */
  readonly woken: number;
  /** Number of announcements that had no open hop left. */
  readonly finished: number;
}

/**
 * The minute tick. Ticks may overlap: each step is one conditional update, and only the tick whose update succeeds acts.
 *
 * A row that cannot be worked on does not keep the others from it. Only a tick that could do all of its work counts as one;
 * another one throws the first error at its end, so that Lambda repeats it.
 */
export async function scan(ctx: Context): Promise<ScanReport> {
  const guard = new Guard(ctx);
  await guard.step('mailings', () => makeMailings(ctx, guard));
  await guard.step('parts', () => makeDueParts(ctx, guard));
  const report: ScanReport = {
    kind: 'scan',
    started: await guard.step('due', () => startDue(ctx, guard)),
    woken: await guard.step('stalled', () => wakeStalled(ctx, guard)),
    finished: await guard.step('finished', () => finishComplete(ctx, guard)),
  };
  await guard.step('coming', () => prepareComing(ctx, guard));
  await guard.step('canaries', () => judgeCanaries(ctx));
  if (report.woken > 0) ctx.metrics.record({ HopsWoken: report.woken });
  if (report.started + report.woken + report.finished > 0) ctx.log.info('scanned', { ...report });
  // After the work, and whatever became of it: alerts matter most where something fails.
  const ofAlerts = new Guard(ctx);
  await raiseAlerts(ctx, ofAlerts);
  if (!guard.hasFailed && !ofAlerts.hasFailed) await ctx.store.recordTick();
  // After the tick has been recorded: the doctor looks whether there was one.
  const ofChecks = new Guard(ctx);
  await ofChecks.step('checks', () => startChecks(ctx, ofChecks));
  guard.end();
  ofAlerts.end();
  ofChecks.end();
  await pruneOld(ctx);
  return report;
}

/** Deletes what is older than RETENTION_DAYS, for a part of the invocation; the next tick goes on. No tick fails for it. */
async function pruneOld(ctx: Context): Promise<void> {
  const { config, log, remainingMs } = ctx;
  if (config.retentionDays === 0) return;
  const ageMs = config.retentionDays * MS_PER_DAY;
  const forMs = Math.min(MAX_PRUNING_MS, remainingMs() - config.reserveMs);
  try {
    await prune(ctx, { ageMs, actor: 'schedule', forMs });
  } catch (error) {
    log.error('pruning failed', { why: messageOf(error) });
  }
}

/** Runs parts of the tick, so that an error in one of them does not end the others. */
class Guard {
  readonly #log: Log;
  readonly #errors: unknown[] = [];
  #errorsInARow = 0;

  constructor({ log }: Pick<Context, 'log'>) {
    this.#log = log;
  }

  /** Runs a step of the tick; 0 if it failed. */
  step(name: string, work: () => Promise<number>): Promise<number> {
    return this.#attempt({ step: name }, work, () => true);
  }

  /** Does the work on one row; 0 if it failed. A bad row is not the tick's failure: the next tick could do no better. */
  row(row: LogFields, work: () => Promise<number>): Promise<number> {
    return this.#attempt(row, work, (error) => !isBadRow(error));
  }

  async #attempt(
    fields: LogFields,
    work: () => Promise<number>,
    isFailure: (error: unknown) => boolean,
  ): Promise<number> {
    if (this.#errorsInARow >= MAX_ERRORS_IN_A_ROW) return 0;
    try {
      const count = await work();
      this.#errorsInARow = 0;
      return count;
    } catch (error) {
      this.#log.error('part of the tick failed', { ...fields, why: messageOf(error) });
      if (isFailure(error)) {
        this.#errors.push(error);
        this.#errorsInARow++;
      }
      return 0;
    }
  }

  get hasFailed(): boolean {
    return this.#errors.length > 0;
  }

  end(): void {
    if (this.#errors.length > 0) throw this.#errors[0];
  }
}

/** Messages that are due become announcements, which are due at once. */
async function makeMailings({ store, log }: Context, guard: Guard): Promise<number> {
  const makeAll = async (source: string): Promise<number> => {
    for (let mailings = 0; mailings < MAX_PER_TICK; mailings++) {
      const announcementId = await store.makeMailing(source, MAX_MESSAGES_PER_MAILING);
      if (announcementId === null) return mailings;
      log.info('mailing made', { announcementId, source });
    }
    return MAX_PER_TICK;
  };
  return sumUp(await store.fetchPendingSources(), (source) => guard.row({ source }, () => makeAll(source)));
}

/** Makes the parts that are due, or soon will be. */
async function makeDueParts(ctx: Context, guard: Guard): Promise<number> {
  const make = async (announcementId: number, publishAt: number | null): Promise<number> => {
    const announcement = await ctx.store.fetchAnnouncement(announcementId);
    return announcement ? makeParts(ctx, announcement, publishAt) : 0;
  };
  return sumUp(await ctx.store.fetchDueSeries(MAX_PER_TICK, AHEAD_MS), ({ announcementId, publishAt }) =>
    guard.row({ announcementId }, () => make(announcementId, publishAt)),
  );
}

/**
 * Invokes the first hop of announcements that are due before the next tick; its invocation waits for the time, so that they
 * start to the second. Without it the next tick starts them. Most of the invocations that may run at a time stay free.
 */
async function prepareComing(
  { store, invoker, functionName, config }: Context,
  guard: Guard,
): Promise<number> {
  const { concurrency } = config;
  // Until about the next tick, by the age of the last one: ticks that look further would prepare the same start again.
  const ageMs = await store.fetchTickAgeMs();
  const aheadMs = ageMs === null ? AHEAD_MS : Math.min(AHEAD_MS, Math.round(ageMs * AHEAD_PER_TICK));
  const limit = concurrency === 0 ? MAX_WAITING : Math.min(MAX_WAITING, Math.floor(concurrency / 4));
  if (limit === 0 || aheadMs <= 0) return 0;
  const prepare = async (announcementId: number, startsAt: number): Promise<number> => {
    await invoker.invoke(functionName, { ...firstJob(announcementId), startsAt });
    return 1;
  };
  return sumUp(await store.fetchComing(limit, aheadMs), ({ announcementId, publishAt }) =>
    guard.row({ announcementId }, () => prepare(announcementId, publishAt)),
  );
}

async function startDue(ctx: Context, guard: Guard): Promise<number> {
  const { store, invoker, functionName, log } = ctx;
  const failed = await store.failUnnameable();
  if (failed > 0) log.error('announcements failed', { failed, why: 'their ids are beyond 2^53 - 1' });
  const start = async (announcementId: number): Promise<number> => {
    const job = firstJob(announcementId);
    if (!(await startLanes(ctx, job))) return 0;
    await invoker.invoke(functionName, job);
    return 1;
  };
  return sumUp(await store.fetchDue(MAX_PER_TICK), (announcementId) =>
    guard.row({ announcementId }, () => start(announcementId)),
  );
}

async function wakeStalled({ store, invoker, config, functionName }: Context, guard: Guard): Promise<number> {
  const wake = async (key: HopKey): Promise<number> => {
    if (!(await store.reviveHop(key, config.leaseMs))) return 0;
    await invoker.invoke(functionName, sameJob(key));
    return 1;
  };
  return sumUp(await store.fetchStalled(MAX_PER_TICK), (key) => guard.row({ ...key }, () => wake(key)));
}

/** Finishes announcements whose last invocation was killed after it had closed the last hop. */
async function finishComplete(ctx: Context, guard: Guard): Promise<number> {
  return sumUp(await ctx.store.fetchFinished(MAX_PER_TICK), (key) =>
    guard.row({ ...key }, async () => {
      await finishIfComplete(ctx, key);
      return 1;
    }),
  );
}

async function sumUp<T>(items: readonly T[], work: (item: T) => Promise<number>): Promise<number> {
  let sum = 0;
  for (const item of items) sum += await work(item);
  return sum;
}
