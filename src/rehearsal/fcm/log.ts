import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';

/** The messages that FCM accepted, to be compared with the ledger. */
export interface AcceptedLog {
  /** Number of accepted messages by target. */
  readonly accepted: ReadonlyMap<string, number>;
  /** Number of accepted messages with this collapse key, by target. */
  acceptedOf(collapseKey: string): ReadonlyMap<string, number>;
  add(target: string, collapseKey: string): void;
  close(): void;
}

/**
 * `openAcceptedLog` keeps the log in memory and, with `file`, also in a file that it reads first. Every line is written
 * before the answer is sent, so that it outlives a kill -9.
 */
export function openAcceptedLog(file: string | undefined): AcceptedLog {
  const accepted = new Map<string, number>();
  const byKey = new Map<string, Map<string, number>>();
  const count = (target: string, collapseKey: string): void => {
    const ofKey = byKey.get(collapseKey) ?? new Map<string, number>();
    byKey.set(collapseKey, ofKey);
    for (const map of [accepted, ofKey]) map.set(target, (map.get(target) ?? 0) + 1);
  };
  const acceptedOf = (collapseKey: string): ReadonlyMap<string, number> =>
    byKey.get(collapseKey) ?? new Map();
  if (file === undefined) return { accepted, acceptedOf, add: count, close: () => {} };

  if (existsSync(file)) {
    // A line without a newline at its end was cut short by a kill, so no answer was sent for it.
    for (const line of readFileSync(file, 'utf8').split('\n').slice(0, -1)) {
      const [target = '', collapseKey = ''] = line.split(' ');
      count(target, collapseKey);
    }
  }
  const log = openSync(file, 'a', 0o600);
  return {
    accepted,
    acceptedOf,
    add(target, collapseKey) {
      writeSync(log, `${target} ${collapseKey}`.trimEnd() + '\n');
      count(target, collapseKey);
    },
    close: () => closeSync(log),
  };
}
