import { checkRunName } from '../alert/record-check.ts';
import { wantsCanary } from '../canary/wants.ts';
import type { Context, LogFields } from '../context.ts';
import type { CheckJob } from '../job.ts';
import type { CheckName } from '../model/notice.ts';

const MS_PER_HOUR = 3_600_000;

/** A daily schedule of its own, such as EventBridge's, is on time by minutes: the tick starts only what it has missed. */
const EVERY_MS = 25 * MS_PER_HOUR;

/** How long before its time a broadcast is checked: enough for a person to get up and put it right. */
const AHEAD_MS = MS_PER_HOUR / 2;

/** A broadcast that was checked is checked again only for another time: longer than AHEAD_MS, shorter than most repeats. */
const AGAIN_MS = AHEAD_MS + 60_000;

/** One tick has at most so many broadcasts checked. */
const MAX_COMING = 20;

type Wants = (ctx: Context, announcementId: number) => Promise<boolean>;

/** The checks that are made before a broadcast, and which broadcasts want them. The doctor is last: it says that it was done. */
const BEFORE_BROADCAST: readonly (readonly [CheckName, Wants])[] = [
  ['canary', needsCanary],
  ['doctor', async () => true],
];

/** Does the work on one row of a tick, so that an error in it does not end the others. */
export interface Rows {
  row(fields: LogFields, work: () => Promise<number>): Promise<number>;
}

/**
 * Starts the checks that were not made for a day, and those of broadcasts that start soon, each in an invocation of its own.
 * Ticks may overlap: each check is claimed. Resolves to the number of checks that it has started.
 */
export async function startChecks(ctx: Context, rows: Rows): Promise<number> {
  const { store, config } = ctx;
  if (config.checks.length === 0) return 0;
  const { made, coming } = await store.fetchCheckPlan({
    everyMs: EVERY_MS,
    aheadMs: AHEAD_MS,
    againMs: AGAIN_MS,
    limit: MAX_COMING,
  });
  let started = 0;
  for (const kind of config.checks.filter((check) => !made.includes(check))) {
    started += await rows.row({ check: kind }, () => startCheck(ctx, { kind }, EVERY_MS));
  }
  for (const announcementId of coming) {
    for (const [kind, wants] of BEFORE_BROADCAST) {
      if (!config.checks.includes(kind)) continue;
      started += await rows.row({ check: kind, announcementId }, async () => {
        if (!(await wants(ctx, announcementId))) return 0;
        return startCheck(ctx, { kind, announcementId }, AGAIN_MS);
      });
    }
    // The run of the doctor says that this was done. Without a doctor, each tick would count the audience again.
    if (config.checks.includes('canary') && !config.checks.includes('doctor')) {
      await store.claimCheck(checkRunName({ kind: 'doctor', announcementId }), AGAIN_MS);
    }
  }
  return started;
}

/** One that is sent in parts needs none itself: each of its parts has a round at its start. */
async function needsCanary(ctx: Context, announcementId: number): Promise<boolean> {
  if (ctx.config.canaryAbove === 0) return false;
  const announcement = await ctx.store.fetchAnnouncement(announcementId);
  return announcement !== null && wantsCanary(ctx, announcement);
}

async function startCheck(
  { store, invoker, functionName }: Context,
  job: CheckJob,
  everyMs: number,
): Promise<number> {
  const name = checkRunName(job);
  if (!(await store.claimCheck(name, everyMs))) return 0;
  try {
    await invoker.invoke(functionName, job);
  } catch (error) {
    await store.releaseCheck(name);
    throw error;
  }
  // Once a day is often enough for a few rows, whatever RETENTION_DAYS says.
  if (job.announcementId === undefined) await store.pruneChecks();
  return 1;
}
