import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';

/** The messages that FCM accepted, to be compared with the ledger. */
export interface AcceptedLog {
  /** Number of accepted messages by target. */
  readonly accepted: ReadonlyMap<string, number>;
  /** Number of accepted messages with this collapse key, by target. */
  acceptedOf(collapseKey: string): ReadonlyMap<string, number>;
  add(target: string, collapseKey: string): void;
  /** Writes what was added to the file. */
  flush(): void;
  close(): void;
}

/**
 * `openAcceptedLog` keeps the log in memory and, with `file`, also in a file that it reads first. The caller flushes before it
 * sends an answer, so that the line of every answered message outlives a kill -9; one write then takes the lines of all
 * messages that arrived meanwhile.
 */
export function openAcceptedLog(file: string | undefined): AcceptedLog {
  const accepted = new Map<string, number>();
  const byKey = new Map<string, Map<string, number>>();
  const count = (target: string, collapseKey: string): void => {
    let ofKey = byKey.get(collapseKey);
    if (ofKey === undefined) byKey.set(collapseKey, (ofKey = new Map<string, number>()));
    accepted.set(target, (accepted.get(target) ?? 0) + 1);
    ofKey.set(target, (ofKey.get(target) ?? 0) + 1);
  };
  const acceptedOf = (collapseKey: string): ReadonlyMap<string, number> =>
    byKey.get(collapseKey) ?? new Map();
  if (file === undefined) return { accepted, acceptedOf, add: count, flush: () => {}, close: () => {} };

  if (existsSync(file)) {
    // A line without a newline at its end was cut short by a kill, so no answer was sent for it.
    for (const line of readFileSync(file, 'utf8').split('\n').slice(0, -1)) {
      const [target = '', collapseKey = ''] = line.split(' ');
      count(target, collapseKey);
    }
  }
  const log = openSync(file, 'a', 0o600);
  let lines = '';
  const flush = (): void => {
    if (lines === '') return;
    const text = lines;
    lines = '';
    writeSync(log, text);
  };
  return {
    accepted,
    acceptedOf,
    add(target, collapseKey) {
      lines += collapseKey === '' ? `${target}\n` : `${target} ${collapseKey}\n`;
      count(target, collapseKey);
    },
    flush,
    close() {
      flush();
      closeSync(log);
    },
  };
}
