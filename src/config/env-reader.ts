import { type Problem } from '../errors.ts';

export type Env = Readonly<Record<string, string | undefined>>;

export type Reader = ReturnType<typeof makeReader>;

/** Reads variables one by one, and keeps what is wrong with them. */
export function makeReader(env: Env) {
  const problems: Problem[] = [];
  const complain = (field: string, expected: string, got: string): void => {
    problems.push({ field, expected, got });
  };
  /** An empty variable counts as absent: that is how shells and templates unset one. */
  const optional = (name: string): string | null => env[name] || null;
  const text = (name: string, fallback: string): string => optional(name) ?? fallback;

  return {
    problems,
    complain,
    optional,
    text,
    oneOf<T extends string>(name: string, choices: readonly T[], fallback: T): T {
      const value = text(name, fallback);
      const choice = choices.find((each) => each === value);
      if (choice === undefined) complain(name, `one of ${choices.join(', ')}`, JSON.stringify(value));
      return choice ?? fallback;
    },
    whole(name: string, fallback: number, min: number, max: number): number {
      const value = text(name, String(fallback));
      const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
      if (number >= min && number <= max) return number;
      complain(name, `a whole number from ${min} to ${max}`, JSON.stringify(value));
      return fallback;
    },
    url(name: string, fallback: string, protocols: readonly string[]): string {
      const value = text(name, fallback);
      const url = URL.parse(value);
      if (url && protocols.includes(url.protocol)) return url.origin;
      complain(name, `an address beginning with ${protocols.join('// or ')}//`, JSON.stringify(value));
      return fallback;
    },
  };
}
