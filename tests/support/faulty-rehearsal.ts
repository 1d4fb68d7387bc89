import type { RehearsalPlace } from '../../src/rehearsal/run.ts';
import type { Summary } from '../../src/rehearsal/summary.ts';
import { PATIENT, rehearseHere } from './rehearsal.ts';

/** Number of recorded pushes at which the fault begins. */
const BEGIN_AT = 4000;

export const WORKERS = 4;

/** Leases of 6 s, a tick each second, and 4000 pushes a second at most, so that most of the audience is left at the fault. */
const FRAME = {
  devices: 20_000,
  pageSize: 2000,
  lanes: 2,
  workers: WORKERS,
  hurry: 60,
  latencyMs: 20,
  budgetPerMinute: 240_000,
};

/** What every broadcast has to end with, whatever happened to its database. */
export const COMPLETE = { status: 'done', lost: 0, retryable: 0 };

/** Broadcasts, and makes the database fail once in the middle; `errors` are the function's. */
export async function rehearseThrough(
  database: string,
  fail: () => Promise<void>,
): Promise<{ summary: Summary; errors: string }> {
  const errors: string[] = [];
  let failing: Promise<void> | undefined;
  const onProgress: RehearsalPlace['onProgress'] = ({ counts }) => {
    if (counts.delivered < BEGIN_AT) return;
    failing ??= fail();
    // It is awaited below.
    failing.catch(() => {});
  };
  const onLog = (line: string): void => {
    if (line.includes('"level":"error"')) errors.push(line);
  };
  const place = { ...PATIENT, onProgress, onLog };
  const summary = await rehearseHere({ ...FRAME, database }, place);
  if (failing === undefined)
    throw new Error(`the fault never began: ${JSON.stringify(summary)} ${errors[0]}`);
  await failing;
  return { summary, errors: errors.join('\n') };
}
