import { type CheckReport, recordCheck } from '../alert/record-check.ts';
import type { Context } from '../context.ts';
import type { CheckJob } from '../job.ts';
import type { Notice } from '../model/notice.ts';
import { HEADER_DAYS, judgeHeaders } from './headers.ts';
import { judgeMix } from './mix.ts';

/** Looks for what is about to be retired, and records it. */
export async function runRadar(ctx: Context, job: CheckJob): Promise<CheckReport> {
  await ctx.signals.flush();
  const headers = await ctx.store.fetchSignals('header', HEADER_DAYS);
  const notices: Notice[] = [...judgeHeaders(headers, ctx.clock.now()), ...(await judgeMix(ctx))];
  return recordCheck(ctx, job, notices);
}
