import type { Clock } from '../context.ts';
import { messageOf } from '../errors.ts';

/** The result of a check. */
export interface Finding {
  /** Null: the check does not apply here. */
  readonly ok: boolean | null;
  /** Nothing has failed, but something will, or works worse than it could. Absent: `ok` says it all. */
  readonly level?: 'amber';
  readonly says: string;
  /** What to do; null where there is nothing to do. A check that is green may have advice, too. */
  readonly advice: string | null;
}

export interface CheckResult extends Finding {
  readonly name: string;
}

export interface Check {
  readonly name: string;
  /** Names of earlier checks that this one depends on: if one of them failed, this one is not made. */
  readonly needs?: readonly string[];
  /** Makes the check. If it throws, or does not end in time, the check has failed. */
  readonly run: () => Promise<Finding>;
  /** What to do about the error that `run` threw; after a time-out, its code is ETIMEDOUT. */
  readonly advise: (error: unknown) => string;
}

/** Names of the checks that a check of these variables needs: `configuration` if one of them is invalid, otherwise none. */
export type NeedsFor = (variables: readonly string[]) => readonly string[];

export function green(says: string, advice: string | null = null): Finding {
  return { ok: true, says, advice };
}

export function red(says: string, advice: string): Finding {
  return { ok: false, says, advice };
}

/** A finding that is no failure: there is time to act. */
export function amber(says: string, advice: string): Finding {
  return { ok: true, level: 'amber', says, advice };
}

const BLOCKED = 'not checked';

/** The finding of a check that another failed check prevents. */
export function blocked(by: string): Finding {
  return red(BLOCKED, `fix "${by}" first`);
}

/** True if the check was not made, because another one has failed. */
export function isBlocked({ ok, says }: Finding): boolean {
  return ok === false && says === BLOCKED;
}

/**
 * Runs all checks at once, so that ten that time out take no longer than one. The results are in the order of the checks.
 */
export function runChecks(checks: readonly Check[], clock: Clock, limitMs: number): Promise<CheckResult>[] {
  const results = new Map<string, Promise<CheckResult>>();
  for (const check of checks) {
    const needed = (check.needs ?? []).flatMap((name) => results.get(name) ?? []);
    results.set(check.name, runCheck(check, needed, clock, limitMs));
  }
  return [...results.values()];
}

async function runCheck(
  { name, run, advise }: Check,
  needed: readonly Promise<CheckResult>[],
  clock: Clock,
  limitMs: number,
): Promise<CheckResult> {
  const failed = (await Promise.all(needed)).find(({ ok }) => ok === false);
  if (failed) return { name, ...blocked(failed.name) };
  try {
    return { name, ...(await within(clock, limitMs, run)) };
  } catch (error) {
    return { name, ...red(messageOf(error), advise(error)) };
  }
}

/** Rejects with the code ETIMEDOUT if `work` takes longer than `limitMs`. The work itself is not stopped. */
export async function within<T>(clock: Clock, limitMs: number, work: () => Promise<T>): Promise<T> {
  const working = work();
  const ended = new AbortController();
  const late = clock.sleep(limitMs, ended.signal).then((): never => {
    throw Object.assign(new Error(`no answer in ${limitMs / 1000} s`), { code: 'ETIMEDOUT' });
  });
  try {
    return await Promise.race([working, late]);
  } finally {
    ended.abort();
  }
}
