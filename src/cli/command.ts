import { parseArgs } from 'node:util';
import type { Env } from '../config/config.ts';
import { PushError } from '../errors.ts';

export interface Option {
  /** What the value stands for, as the help shows it; absent for a flag. */
  readonly value?: string;
  readonly help: string;
  readonly default?: string;
  /** May be given more than once. */
  readonly multiple?: boolean;
}

export interface Command {
  readonly summary: string;
  /** What follows the command's name, if anything but options does. */
  readonly operands?: string;
  readonly options: Readonly<Record<string, Option>>;
  /** It reads the ARNs of secrets itself: the environment comes as it is. */
  readonly readsSecrets?: boolean;
  /** Resolves to the exit status. */
  run(args: Args, terminal: Terminal): Promise<number>;
}

/** The world of a command: what a test replaces. */
export interface Terminal {
  readonly env: Env;
  /** Results. */
  readonly out: (text: string) => void;
  /** Everything that is said on the way. */
  readonly err: (text: string) => void;
  /** True if a person watches `err`, so that a line may be drawn over. */
  readonly live: boolean;
}

/** A command's options as given, checked where they are read. */
export class Args {
  readonly operands: readonly string[];
  readonly #values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

  constructor(argv: readonly string[], { options, operands }: Command) {
    const specs = Object.entries(options).map(([name, { value, default: fallback, multiple }]) => [
      name,
      {
        type: value === undefined ? ('boolean' as const) : ('string' as const),
        multiple: multiple ?? false,
        ...(fallback === undefined ? {} : { default: fallback }),
      },
    ]);
    try {
      const parsed = parseArgs({
        args: [...argv],
        options: Object.fromEntries(specs),
        allowPositionals: operands !== undefined,
      });
      this.#values = parsed.values;
      this.operands = parsed.positionals;
    } catch (cause) {
      throw new PushError('BAD_INPUT', cause instanceof Error ? cause.message : String(cause), { cause });
    }
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  text(name: string): string | null {
    const value = this.#values[name];
    return typeof value === 'string' ? value : null;
  }

  list(name: string): string[] {
    const value = this.#values[name];
    return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
  }

  /** An option that has a default. */
  whole(name: string, min: number, max: number): number {
    const number = this.optionalWhole(name, min, max);
    if (number === null) throw refuse(name, `a whole number from ${min} to ${max}`, 'nothing');
    return number;
  }

  optionalWhole(name: string, min: number, max: number): number | null {
    const text = this.text(name);
    if (text === null) return null;
    const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= min && number <= max) return number;
    throw refuse(name, `a whole number from ${min} to ${max}`, JSON.stringify(text));
  }

  /** An option that has a default. */
  share(name: string): number {
    const text = this.text(name) ?? '';
    const share = text.trim() === '' ? Number.NaN : Number(text);
    if (share >= 0 && share <= 1) return share;
    throw refuse(name, 'a share from 0 to 1', JSON.stringify(text));
  }

  oneOf<T extends string>(name: string, choices: readonly T[]): T {
    const text = this.text(name);
    const choice = choices.find((each) => each === text);
    if (choice === undefined) throw refuse(name, `one of ${choices.join(', ')}`, JSON.stringify(text));
    return choice;
  }
}

export function refuse(name: string, expected: string, got: string): PushError {
  return PushError.of('BAD_INPUT', [{ field: `--${name}`, expected, got }]);
}

export function describeCommand(name: string, { summary, operands, options }: Command): string {
  const rows = Object.entries({ ...options, help: { help: 'this text' } }).map(
    ([option, spec]: [string, Option]) => {
      const left = `  --${option}${spec.value === undefined ? '' : ` ${spec.value}`}`;
      const fallback = spec.default === undefined ? '' : ` [${spec.default}]`;
      return `${left.padEnd(28)} ${spec.help}${fallback}`;
    },
  );
  const usage = ['baton', name, operands, '[options]'].filter((word) => word !== undefined).join(' ');
  return [usage, '', summary, '', ...rows, ''].join('\n');
}
