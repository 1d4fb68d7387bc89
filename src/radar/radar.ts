import { type CheckReport, recordCheck } from '../alert/record-check.ts';
import type { Context } from '../context.ts';
import type { CheckJob } from '../job.ts';
import { examineRadar, type Look } from './examine.ts';
import { recordTargets } from './record-targets.ts';
import { withStanding } from './standing.ts';
import { makeRadarTools } from './tools.ts';

export interface RadarReport extends CheckReport {
  readonly looks: readonly Look[];
}

/** Looks for what is about to be retired, records it, and sends the alerts about what is new. */
export async function runRadar(ctx: Context, job: CheckJob): Promise<RadarReport> {
  const { config, clock, store, signals } = ctx;
  await signals.flush();
  await recordTargets({ store });
  const { notices, looks } = await examineRadar(await makeRadarTools(config, clock, async () => store));
  const all = withStanding(notices, looks, await store.fetchNotices());
  return { ...(await recordCheck(ctx, job, all)), looks };
}
