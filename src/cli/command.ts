import { Command as Parser, Option as ParserOption } from 'commander';
import { flagOf, type Options, type ValuesOf } from './options.ts';
import type { Terminal } from './terminal.ts';

/** `Command` is one command of the command line as data: its file declares it, main.ts runs it. */
export interface Command<O extends Options = Options> {
  /** Text at the top of `baton help COMMAND`. */
  readonly description: string;
  /** Command lines to copy, each with its effect. */
  readonly examples?: readonly (readonly [line: string, effect: string])[];
  /** What follows the command's name besides options, such as `ID`; absent: only options. */
  readonly operands?: { readonly usage: string; readonly help: string };
  readonly options: O;
  /** True: the ARNs of secrets stay in the environment, because the command reads them itself, and anew. */
  readonly readsSecrets?: boolean;
  /** `run` resolves to the exit status: 0 done, 1 failed. It throws PushError('BAD_INPUT') for exit status 2. */
  run(input: Input<O>, terminal: Terminal): Promise<number>;
}

export interface Input<O extends Options = Options> {
  readonly options: ValuesOf<O>;
  readonly operands: readonly string[];
}

/** `defineCommand` gives `run` the types of the command's own options. */
export function defineCommand<const O extends Options>(command: Command<O>): Command<O> {
  return command;
}

/** `declare` adds a command's help, operands and options to its entry in the parser; `run` gets their values. */
export function declare(parser: Parser, command: Command, run: (input: Input) => Promise<void>): void {
  const { description, examples = [], operands, options } = command;
  parser.description(description);
  parser.usage([operands?.usage, '[options]'].filter((part) => part !== undefined).join(' '));
  // Commands check their operands themselves, so that the error says what was expected.
  if (operands) parser.argument('[operands...]', operands.help);
  parser.helpOption('-h, --help', 'print this text');
  for (const [name, option] of Object.entries(options)) parser.addOption(makeParserOption(name, option));
  if (examples.length > 0) {
    const lines = examples.map(([line, effect]) => `  ${effect}:\n    ${line}`);
    parser.addHelpText('after', ['', 'Examples:', ...lines].join('\n'));
  }
  parser.action(async () => {
    const results: Readonly<Record<string, unknown>> = parser.opts();
    const values = Object.entries(options).map(([name, { fallback }]) => [name, results[name] ?? fallback]);
    await run({ options: Object.fromEntries(values) as ValuesOf<Options>, operands: parser.args });
  });
}

function makeParserOption(name: string, option: Options[string]): ParserOption {
  const { placeholder, help, fallback, short, group, isRepeatable = false } = option;
  const field = flagOf(name);
  const names = short === undefined ? field : `-${short}, ${field}`;
  const parserOption = new ParserOption(placeholder === null ? names : `${names} <${placeholder}>`, help);
  if (group !== undefined) parserOption.helpGroup(`${group}:`);
  if (placeholder === null) return parserOption;
  if (typeof fallback === 'string' || typeof fallback === 'number')
    parserOption.default(fallback, String(fallback));
  return parserOption.argParser((text: string, previous: unknown) => {
    const value = option.parse(text, field);
    return isRepeatable && Array.isArray(previous) && Array.isArray(value) ? [...previous, ...value] : value;
  });
}

/** `runCommand` runs a command with these arguments from within another command. */
export async function runCommand(
  name: string,
  command: Command,
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  let status = 0;
  const parser = new Parser(name).exitOverride();
  declare(parser, command, async (input) => {
    status = await command.run(input, terminal);
  });
  await parser.parseAsync(args, { from: 'user' });
  return status;
}
