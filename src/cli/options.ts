import { PushError } from '../errors.ts';
import { parseTime } from '../model/time.ts';
import { countCharacters, show, showNumber, showTime, showWord } from '../show.ts';

/** `Option` is one option of a command; `T` is the type of the value that the command gets. */
export interface Option<T = unknown> {
  readonly help: string;
  /** Word for the value in the help; null: the option is a flag. */
  readonly placeholder: string | null;
  /** Value if the option is not on the command line. */
  readonly fallback: T;
  /** One letter for the option: `o` for -o. */
  readonly short?: string;
  /** Heading above the option in the help. */
  readonly group?: string;
  /** True: the option may occur more than once. `parse` then returns a list, and the lists are joined. */
  readonly isRepeatable?: boolean;
  /** `parse` turns the text from the command line into the value. PushError('BAD_INPUT') names `field`, the option. */
  parse(text: string, field: string): T;
}

/** `Options` are options by name in camelCase: `pageSize` is `--page-size`. */
export type Options = Readonly<Record<string, Option>>;

/** `ValuesOf` is the type of the values of such options, by name. */
export type ValuesOf<O extends Options> = {
  readonly [Name in keyof O]: O[Name] extends Option<infer T> ? T : never;
};

/** `flagOf` is the option on the command line: `clickAction` is `--click-action`. */
export function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

export function refuse(field: string, expected: string, got: string): PushError {
  return PushError.of('BAD_INPUT', [{ field, expected, got }]);
}

export function flag(help: string): Option<boolean> {
  return { help, placeholder: null, fallback: false, parse: () => true };
}

export function text<F extends string | null>(
  placeholder: string,
  help: string,
  { fallback }: { fallback: F },
): Option<string | F> {
  return { help, placeholder, fallback, parse: (value) => value };
}

/** `named` is an option whose value is shown or goes to another program: it is refused without being shown if it is not valid. */
export function named<F extends string | null>(
  placeholder: string,
  help: string,
  { isValid, expected, fallback }: { isValid: (value: string) => boolean; expected: string; fallback: F },
): Option<string | F> {
  const parse = (value: string, field: string): string => {
    if (isValid(value)) return value;
    throw refuse(field, expected, show(value));
  };
  return { help, placeholder, fallback, parse };
}

export function wholeNumber<F extends number | null>(
  placeholder: string,
  help: string,
  { min, max, fallback }: { min: number; max: number; fallback: F },
): Option<number | F> {
  const parse = (value: string, field: string): number => {
    const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    throw refuse(field, `a whole number from ${min} to ${max}`, showNumber(value));
  };
  return { help, placeholder, fallback, parse };
}

/** `id` is an option whose value is the id of a row. */
export function id(help: string): Option<number | null> {
  return wholeNumber('ID', help, { min: 1, max: Number.MAX_SAFE_INTEGER, fallback: null });
}

/** `decimal` is an option whose value may have decimals. */
export function decimal(
  placeholder: string,
  help: string,
  { min, max, fallback }: { min: number; max: number; fallback: number },
): Option<number> {
  const parse = (value: string, field: string): number => {
    const result = /^\d{1,16}(\.\d{1,16})?$/.test(value) ? Number(value) : Number.NaN;
    if (result >= min && result <= max) return result;
    throw refuse(field, `a number from ${min} to ${max}`, showNumber(value));
  };
  return { help, placeholder, fallback, parse };
}

export function share(placeholder: string, help: string, { fallback }: { fallback: number }): Option<number> {
  return { help, placeholder, fallback, parse: parseShare };
}

function parseShare(value: string, field: string): number {
  const number = value.trim() === '' ? Number.NaN : Number(value);
  if (number >= 0 && number <= 1) return number;
  throw refuse(field, 'a share from 0 to 1', showNumber(value));
}

export function oneOf<const T extends string>(
  placeholder: string,
  help: string,
  values: { choices: readonly T[]; fallback: NoInfer<T> },
): Option<T>;
export function oneOf<const T extends string>(
  placeholder: string,
  help: string,
  values: { choices: readonly T[]; fallback: null },
): Option<T | null>;
export function oneOf<const T extends string>(
  placeholder: string,
  help: string,
  { choices, fallback }: { choices: readonly T[]; fallback: T | null },
): Option<T | null> {
  const parse = (value: string, field: string): T => {
    const choice = choices.find((each) => each === value);
    if (choice === undefined) throw refuse(field, `one of ${choices.join(', ')}`, showWord(value, choices));
    return choice;
  };
  return { help, placeholder, fallback, parse };
}

/**
 * `time` is an option whose value is a time with its zone: without the zone, machines would differ on which time it is.
 */
export function time(placeholder: string, help: string): Option<Date | null> {
  return { help, placeholder, fallback: null, parse: readTime };
}

function readTime(value: string, field: string): Date {
  const result = parseTime(value);
  if ('ms' in result) return new Date(result.ms);
  throw refuse(field, result.expected, showTime(value));
}

export function json(placeholder: string, help: string): Option {
  return { help, placeholder, fallback: undefined, parse: parseJson };
}

function parseJson(value: string, field: string): unknown {
  try {
    return JSON.parse(value) as unknown;
  } catch {
    throw refuse(field, 'JSON', `${countCharacters(value)} of other text`);
  }
}

export type Pairs = readonly (readonly [string, string])[];

/** `pairs` is an option whose value is KEY=VALUE, and which may occur more than once. */
export function pairs(placeholder: string, help: string): Option<Pairs> {
  return { help, placeholder, fallback: [], isRepeatable: true, parse: parsePair };
}

function parsePair(value: string, field: string): Pairs {
  const split = value.indexOf('=');
  if (split < 1) throw refuse(field, 'KEY=VALUE', show(value));
  return [[value.slice(0, split), value.slice(split + 1)]];
}

/** `under` puts options under a heading of their own in the help. */
export function under<O extends Options>(group: string, options: O): O {
  return Object.fromEntries(
    Object.entries(options).map(([name, option]) => [name, { ...option, group }]),
  ) as Options as O;
}

/** `JSON_OPTION` is the option of every command that has results for programs. */
export const JSON_OPTION = flag('print one JSON object and nothing else');
