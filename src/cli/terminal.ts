import type { Readable, Writable } from 'node:stream';
import type { Env } from '../config/config.ts';

/** Everything that a command uses of the process it runs in. A test makes one of its own. */
export interface Terminal {
  readonly env: Env;
  /** The working directory: `.env` is read from here. */
  readonly folder: string;
  /** Prints results. */
  readonly out: (text: string) => void;
  /** Prints progress and errors. */
  readonly err: (text: string) => void;
  /** True if a person watches `err`: then a line may be drawn over the previous one. */
  readonly live: boolean;
  /** The width in characters. */
  readonly width: () => number;
  /** What questions are asked on; null if no person can answer. */
  readonly dialog: { readonly input: Readable; readonly output: Writable } | null;
  /** Resolves at Ctrl-C or SIGTERM, which then do not end the process. */
  readonly interrupted: () => Promise<unknown>;
}
