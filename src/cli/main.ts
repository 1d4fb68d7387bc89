import { once } from 'node:events';
import { fstatSync, writeSync } from 'node:fs';
import { Command as Parser, CommanderError } from 'commander';
import { codeOf, describeFailure, PushError } from '../errors.ts';
import { showName } from '../show.ts';
import { declare } from './command.ts';
import { type CommandEntry, COMMANDS } from './commands.ts';
import { loadEnvFile, makeEnvReader } from './env-file.ts';
import { describeFileError } from './file-error.ts';
import type { Terminal } from './terminal.ts';

/** `main` runs one command. Exit status: 0 done, 1 failed, 2 the command line is not valid. */
export async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  const isHelp = argv[0] === 'help';
  const entry = COMMANDS.find(({ name }) => name === argv[isHelp ? 1 : 0]);
  const args = isHelp ? expandHelp(argv.slice(1), entry) : argv;
  let status = 0;
  const program = makeProgram(terminal);
  for (const { name, group, summary } of COMMANDS) {
    program.command(name).summary(summary).helpGroup(`${group}:`).copyInheritedSettings(program);
  }
  try {
    if (entry) {
      const command = await entry.load();
      const parser = program.commands.find((each) => each.name() === entry.name) ?? program;
      declare(parser, command, async (input) => {
        // Loading the file may change `terminal.env`, if that is the environment of the process.
        const own = { ...terminal.env };
        const settings = loadEnvFile(terminal.env, terminal.folder);
        const env = command.readsSecrets ? settings : await resolveSecrets(settings);
        const readEnv = makeEnvReader(own, settings, terminal.folder);
        status = await command.run(input, { ...terminal, env, readEnv });
      });
    }
    if (args.length === 0) {
      program.outputHelp();
      return 2;
    }
    await program.parseAsync(args, { from: 'user' });
    return status;
  } catch (error) {
    const name = entry ? `baton ${entry.name}` : 'baton';
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      terminal.err(`${name}: ${describeParserError(error, args)}\n`);
      return 2;
    }
    const isKnown = error instanceof PushError;
    terminal.err(`${name}: ${isKnown ? error.message : `internal error: ${describeFailure(error)}`}\n`);
    return isKnown && error.code === 'BAD_INPUT' ? 2 : 1;
  }
}

function makeProgram({ out, err, width }: Terminal): Parser {
  return new Parser('baton')
    .description('Push notifications to millions of phones.')
    .usage('COMMAND [options]')
    .helpOption('-h, --help', 'print this text')
    .helpCommand(false)
    .exitOverride()
    .configureHelp({
      subcommandTerm: (command) => command.name(),
      optionTerm: ({ flags }) => flags.replace(/<(.+)>/, '$1'),
      argumentTerm: () => '',
      visibleArguments: () => [],
    })
    .configureOutput({ writeOut: out, writeErr: err, outputError: () => {}, getOutHelpWidth: width })
    .addHelpText(
      'after',
      [
        '',
        '`baton help COMMAND` explains a command and its options.',
        'Settings are environment variables, or lines of `.env` in this folder: `baton init` writes one.',
      ].join('\n'),
    );
}

/** `expandHelp` turns `baton help push` into `baton push --help`. An unknown command stays: the parser refuses it. */
function expandHelp(names: readonly string[], entry: CommandEntry | undefined): readonly string[] {
  if (names.length === 0) return ['--help'];
  return entry ? [entry.name, '--help'] : names;
}

/**
 * `describeParserError` rewrites an error of the parser in Baton's words. Some end with a suggestion on a line of its
 * own.
 */
function describeParserError({ code, message }: CommanderError, args: readonly string[]): string {
  const suggestion = /\n\(Did you mean .*$/.exec(message)?.[0] ?? '';
  switch (code) {
    case 'commander.unknownCommand': {
      const names = COMMANDS.map(({ name }) => name).join(', ');
      return `expected one of ${names}, got ${showName(args[0] ?? '')}${suggestion}`;
    }
    case 'commander.unknownOption': {
      // What follows the option's name may be a secret.
      const option = /'(--?)([^='\n]*)/.exec(message);
      return `unknown option '${option?.[1] ?? ''}${showName(option?.[2] ?? '')}'${suggestion}`;
    }
    case 'commander.optionMissingArgument':
      return message.replace(/^.*'(--\S+) <(.+)>'.*$/, '$1: expected $2, got nothing');
    case 'commander.excessArguments':
      return message.replace(/^.* got (\d+):[^]*$/, 'expected options only, got $1 more');
    default:
      return message.replace(/^error: /, '');
  }
}

/** `resolveSecrets` loads its module only when a command runs: help does not need it. */
async function resolveSecrets(env: Terminal['env']): Promise<Terminal['env']> {
  const secrets = await import('../config/secrets.ts');
  return secrets.resolveSecrets(env);
}

const STDOUT = 1;

/** Writes to a file. On a disk that is nearly full, a write takes a part without an error: only the next one fails. */
function writeAll(file: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written);
}

/** Errors that the caller of `writeOut` has got: the stream emits them as well. */
const reported = new WeakSet<Error>();

/** Resolves when the reader or the disk has taken the text, so that no more than one text is in memory. */
async function writeOut(text: string): Promise<void> {
  if (fstatSync(STDOUT).isFile()) return writeAll(STDOUT, Buffer.from(text));
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (!error) return resolve();
      reported.add(error);
      reject(error);
    });
  });
}

const MIN_NODE = 24;

/** Milliseconds that a connection attempt that is still open may delay the end of the process. */
const LEAVE_WITHIN_MS = 500;

if (import.meta.main) {
  // A reader that has read enough, such as `head`, closes the pipe: the work goes on without output. It goes on as well if the
  // disk is full, but that is an error.
  let isCut = false;
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => {
      if (codeOf(error) === 'EPIPE' || reported.has(error) || isCut) return;
      isCut = true;
      process.exitCode ||= 1;
      process.stderr.write(`baton: output: expected room for all lines, got ${describeFileError(error)}\n`);
    });
  }
  const status = await main(process.argv.slice(2), {
    env: process.env,
    folder: process.cwd(),
    out: (text) => process.stdout.write(text),
    write: writeOut,
    err: (text) => process.stderr.write(text),
    live: process.stderr.isTTY,
    width: () => process.stderr.columns || 80,
    dialog:
      process.stdin.isTTY && process.stderr.isTTY ? { input: process.stdin, output: process.stderr } : null,
    interrupted: () => Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]),
  });
  process.exitCode = status === 0 && isCut ? 1 : status;
  setTimeout(() => process.exit(), LEAVE_WITHIN_MS).unref();
} else if (Number.parseInt(process.versions.node, 10) < MIN_NODE) {
  // Such a Node has no `import.meta.main`: without this, every command would do nothing, and succeed.
  process.stderr.write(`baton: node: expected version ${MIN_NODE} or later, got ${process.versions.node}\n`);
  process.exitCode = 1;
}
