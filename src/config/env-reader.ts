import { type Problem, PushError } from '../errors.ts';
import { show, showNumber, showWord } from '../show.ts';
import { VARIABLES, type VariableName } from './variables.ts';
import type { Variable } from './variables/variable.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** The longest name in the DNS. Errors and the doctor show hosts. */
export const MAX_HOST_LENGTH = 253;

export type Reader = ReturnType<typeof makeReader>;

const BY_NAME = new Map<string, Variable>(VARIABLES.map((variable) => [variable.name, variable]));

/**
 * Makes a reader that reads variables one by one and collects what is wrong with them. `suffix` names a further source: the
 * end of the name of a per-source variable.
 */
export function makeReader(env: Env) {
  const problems: Problem[] = [];
  const complain = (field: string, expected: string, got: string): void => {
    problems.push({ field, expected, got });
  };
  /** Shells and templates unset a variable by making it empty: empty counts as absent. */
  const optional = (name: VariableName, suffix = ''): string | null => env[`${name}${suffix}`] || null;
  const text = (name: VariableName, suffix = ''): string => optional(name, suffix) ?? fallbackOf(name);

  return {
    problems,
    complain,
    optional,
    text,
    fallback: fallbackOf,
    oneOf<T extends string>(name: VariableName, choices: readonly [T, ...T[]]): T {
      const value = text(name);
      const choiceOf = (candidate: string) => choices.find((each) => each === candidate);
      const choice = choiceOf(value);
      if (choice === undefined) complain(name, `one of ${choices.join(', ')}`, showWord(value, choices));
      return choice ?? choiceOf(fallbackOf(name)) ?? choices[0];
    },
    whole(name: VariableName, min: number, max: number, suffix = ''): number {
      const value = text(name, suffix);
      const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
      if (number >= min && number <= max) return number;
      complain(`${name}${suffix}`, `a whole number from ${min} to ${max}`, showNumber(value));
      return Number(fallbackOf(name));
    },
    /** A value that errors, logs and reports may show because it has this shape. */
    named(name: VariableName, shape: RegExp, expected: string, suffix = ''): string | null {
      const value = optional(name, suffix);
      if (value === null || shape.test(value)) return value;
      complain(`${name}${suffix}`, expected, show(value));
      return null;
    },
    url(name: VariableName, protocols: readonly string[]): string {
      const value = text(name);
      const url = URL.parse(value);
      if (url && protocols.includes(url.protocol) && url.hostname.length <= MAX_HOST_LENGTH)
        return url.origin;
      complain(name, `an address that begins with ${protocols.join('// or ')}//`, show(value));
      return fallbackOf(name);
    },
  };
}

function fallbackOf(name: VariableName): string {
  return BY_NAME.get(name)?.fallback ?? '';
}

/** Throws one PushError('BAD_CONFIG') that names all problems, if there are any. */
export function refuseProblems(problems: readonly Problem[]): void {
  if (problems.length > 0) throw PushError.of('BAD_CONFIG', problems);
}
