import { messageOf } from '../errors.ts';

/** What a check found; null: it has nothing to look at here. `advice` says what to do, and is null unless it failed. */
export interface Finding {
  readonly ok: boolean | null;
  readonly says: string;
  readonly advice: string | null;
}

export interface CheckResult extends Finding {
  readonly name: string;
}

export interface Check {
  readonly name: string;
  /** Earlier checks without which this one cannot be made. If one of them failed, its own line is enough. */
  readonly needs?: readonly string[];
  /** May throw, and may take as long as it likes: either is red. */
  readonly run: () => Promise<Finding>;
  /** What to do about what it threw; a check that did not answer in time throws a code of ETIMEDOUT. */
  readonly advise: (error: unknown) => string;
}

export function green(says: string): Finding {
  return { ok: true, says, advice: null };
}

export function red(says: string, advice: string): Finding {
  return { ok: false, says, advice };
}

/** What the line of another check says enough about. */
export function blocked(by: string): Finding {
  return red('not checked', `mend "${by}" first`);
}

/** All at once, so that ten things which do not answer take no longer than one. The results are in the checks' order. */
export function runChecks(checks: readonly Check[], limitMs: number): Promise<CheckResult>[] {
  const results = new Map<string, Promise<CheckResult>>();
  for (const check of checks) {
    const needed = (check.needs ?? []).flatMap((name) => results.get(name) ?? []);
    results.set(check.name, runCheck(check, needed, limitMs));
  }
  return [...results.values()];
}

async function runCheck(
  { name, run, advise }: Check,
  needed: readonly Promise<CheckResult>[],
  limitMs: number,
): Promise<CheckResult> {
  const missing = (await Promise.all(needed)).find(({ ok }) => ok === false);
  if (missing) return { name, ...blocked(missing.name) };
  try {
    return { name, ...(await within(limitMs, run)) };
  } catch (error) {
    return { name, ...red(messageOf(error), advise(error)) };
  }
}

/** The work goes on all the same, but nobody waits for it any more. */
export async function within<T>(limitMs: number, work: () => Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(Object.assign(new Error(`no answer in ${limitMs / 1000} s`), { code: 'ETIMEDOUT' })),
    limitMs,
  );
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
