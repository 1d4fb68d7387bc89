import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';

/** What FCM accepted: the other side's own word, for comparing with the ledger. */
export interface AcceptedLog {
  /** Target -> how often a message for it was accepted. */
  readonly accepted: ReadonlyMap<string, number>;
  /** The same of one announcement, by its collapse key. */
  acceptedOf(collapseKey: string): ReadonlyMap<string, number>;
  add(target: string, collapseKey: string): void;
  close(): void;
}

/** With a file, every line is written before the answer goes out, so that it outlives a kill -9; and read at the start. */
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
    // What follows the last newline is a line that a kill cut short, so no answer went out for it.
    for (const line of readFileSync(file, 'utf8').split('\n').slice(0, -1)) {
      const [target = '', collapseKey = ''] = line.split(' ');
      count(target, collapseKey);
    }
  }
  const log = openSync(file, 'a');
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
