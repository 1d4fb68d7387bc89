import type { Readable, Writable } from 'node:stream';
import type { Env } from '../config/config.ts';

/** Exit status after Ctrl-C: 128 and the number of SIGINT, as shells report it. */
export const EXIT_INTERRUPTED = 130;

/** `Terminal` is everything that a command uses of the process it runs in. A test makes one of its own. */
export interface Terminal {
  readonly env: Env;
  /** `readEnv` reads `.env` again, and returns the same object for as long as it has not changed; absent: `env` cannot change. */
  readonly readEnv?: () => Env;
  /** Working directory: `.env` is read from here. */
  readonly folder: string;
  /** `out` prints results. */
  readonly out: (text: string) => void;
  /** `write` prints results of any length: it resolves when they have been taken, and rejects if they cannot be; absent: `out` does. */
  readonly write?: (text: string) => Promise<void>;
  /** `err` prints progress and errors. */
  readonly err: (text: string) => void;
  /** True if a person watches `err`: then a line may be drawn over the previous one. */
  readonly live: boolean;
  /** Width in characters. */
  readonly width: () => number;
  /** Streams for questions and answers; null if no person can answer. */
  readonly dialog: { readonly input: Readable; readonly output: Writable } | null;
  /** `interrupted` resolves at Ctrl-C or SIGTERM. Once it has been called, neither ends the process by itself. */
  readonly interrupted: () => Promise<unknown>;
}
