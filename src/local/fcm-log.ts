import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';

/** What FCM accepted: the other side's own word, for comparing with the ledger. */
export interface AcceptedLog {
  /** Target -> how often a message for it was accepted. */
  readonly accepted: ReadonlyMap<string, number>;
  add(target: string): void;
  close(): void;
}

/** With a file, every line is written before the answer goes out, so that it outlives a kill -9; and read at the start. */
export function openAcceptedLog(file: string | undefined): AcceptedLog {
  const accepted = new Map<string, number>();
  const count = (target: string): unknown => accepted.set(target, (accepted.get(target) ?? 0) + 1);
  if (file === undefined) return { accepted, add: count, close: () => {} };

  if (existsSync(file)) {
    // What follows the last newline is a line that a kill cut short, so no answer went out for it.
    for (const target of readFileSync(file, 'utf8').split('\n').slice(0, -1)) count(target);
  }
  const log = openSync(file, 'a');
  return {
    accepted,
    add(target) {
      writeSync(log, `${target}\n`);
      count(target);
    },
    close: () => closeSync(log),
  };
}
