import { recordCheck } from '../alert/record-check.ts';
import type { Context } from '../context.ts';
import { describeFailure } from '../errors.ts';
import type { CheckJob } from '../job.ts';
import type { DoctorReport } from './examine.ts';
import { noticesOf } from './notices.ts';

/**
 * Records what the doctor has found, and sends the alerts about what is new. `open` opens the services, and is not called if
 * the database does not answer. What cannot be recorded is in the log and in the metric DoctorFailed: the report is the answer
 * in any case.
 */
export async function recordReport(
  { log, metrics }: Pick<Context, 'log' | 'metrics'>,
  open: () => Promise<Context>,
  job: CheckJob,
  report: DoctorReport,
): Promise<DoctorReport> {
  const failed = report.checks.filter(({ ok }) => ok === false);
  try {
    const down = failed.find(({ name }) => name === 'database');
    if (down) throw new Error(`the database: ${down.says}`);
    await recordCheck(await open(), job, noticesOf(report));
    metrics.record({ DoctorFailed: Number(!report.ok) });
  } catch (error) {
    const names = failed.map(({ name }) => name).join(', ');
    log.error('doctor not recorded', { why: describeFailure(error), red: names });
    metrics.record({ DoctorFailed: 1 });
  }
  return report;
}
