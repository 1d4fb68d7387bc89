/** One environment variable that Baton, Google's client or Node reads. */
export interface Variable {
  readonly name: string;
  /** The value that an absent or empty variable stands for; empty: none. */
  readonly fallback: string;
  /** The meaning for the documentation, as Markdown. */
  readonly meaning: string;
  /** True: the value is a key, a password or a token: no error, log or report shows it. */
  readonly isSecret: boolean;
  /** True: the same name with the suffix `_SHOP_B` sets the value for the source `shop_b`. */
  readonly isPerSource: boolean;
  /** True: the local workers get the variable from the terminal's environment. */
  readonly isForWorkers: boolean;
}

/** What most variables have: no default, no secret, one value for all sources, and known to the workers. */
export const PLAIN = { fallback: '', isSecret: false, isPerSource: false, isForWorkers: true } as const;
