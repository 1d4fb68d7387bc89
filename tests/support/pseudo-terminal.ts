import { spawn, spawnSync } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { NODE_ARGS } from './baton.ts';

const { stdout } = spawnSync('script', ['--version'], { encoding: 'utf8' });

/** True if there is the `script` of util-linux, which gives a command a pseudo-terminal. On a machine of CI it has to be. */
export const hasPseudoTerminal = (stdout ?? '').includes('util-linux') || process.env['CI'] !== undefined;
if (!hasPseudoTerminal) {
  process.stderr.write(
    '\n*** NOT TESTED: commands in a pseudo-terminal, because there is no `script` of util-linux ***\n\n',
  );
}

export interface TypedCommand extends AsyncDisposable {
  /** Resolves once the words have been printed after those that were waited for before. */
  shows(words: string): Promise<void>;
  /** Types keys. */
  type(keys: string): void;
  /** Everything that was printed, without the codes that move the cursor. */
  screen(): string;
  readonly status: Promise<number | null>;
}

/** Starts the command line in a pseudo-terminal: its input, output and errors are all one terminal. */
export function startInTerminal(args: readonly string[], env: Record<string, string>): TypedCommand {
  // Without a size, a prompt would wrap after each character.
  const command = `stty cols 120 rows 40; exec ${[process.execPath, ...NODE_ARGS, ...args].map(quote).join(' ')}`;
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn('script', ['--quiet', '--return', '--flush', '--command', command, '/dev/null'], {
    env: { PATH, HOME, TERM: 'xterm', SHELL: '/bin/sh', ...env },
  });
  let printed = '';
  let seen = 0;
  child.stdout.on('data', (text) => (printed += String(text)));
  const status = new Promise<number | null>((resolve) => child.once('close', resolve));
  const screen = () => stripVTControlCharacters(printed);
  return {
    screen,
    status,
    type: (keys) => void child.stdin.write(keys),
    async shows(words) {
      while (!screen().slice(seen).includes(words)) {
        if (child.exitCode !== null) throw new Error(`ended without ${words}: ${screen()}`);
        await sleep(10);
      }
      seen = screen().length;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await status;
    },
  };
}

function quote(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
