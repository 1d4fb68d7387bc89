import { type CheckReport, recordCheck } from '../alert/record-check.ts';
import type { Context } from '../context.ts';
import type { CheckJob } from '../job.ts';
import type { Notice } from '../model/notice.ts';

/** Looks for what is about to be retired, and records it. */
export async function runRadar(ctx: Context, job: CheckJob): Promise<CheckReport> {
  const notices: Notice[] = [];
  return recordCheck(ctx, job, notices);
}
