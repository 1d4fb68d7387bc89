import { PushError } from '../errors.ts';
import { resolveSecrets } from '../config/secrets.ts';
import { cancelCommand, pauseCommand, resumeCommand, statusCommand } from './announcement.ts';
import { Args, type Command, describeCommand, type Terminal } from './command.ts';
import { doctorCommand } from './doctor.ts';
import { devicesCommand } from './devices.ts';
import { importCommand } from './import.ts';
import { migrateCommand } from './migrate.ts';
import { pushCommand } from './push.ts';
import { rehearseCommand } from './rehearse.ts';
import { scanCommand } from './scan.ts';
import { serveCommand } from './serve.ts';

const COMMANDS: Readonly<Record<string, Command>> = {
  rehearse: rehearseCommand,
  migrate: migrateCommand,
  import: importCommand,
  devices: devicesCommand,
  push: pushCommand,
  doctor: doctorCommand,
  status: statusCommand,
  pause: pauseCommand,
  resume: resumeCommand,
  cancel: cancelCommand,
  scan: scanCommand,
  serve: serveCommand,
};

/** Exit status: 0 done, 1 it went wrong, 2 it was asked for wrongly. */
export async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === '--help' || name === 'help') {
    terminal.out(describeAll());
    return name === undefined ? 2 : 0;
  }
  const command = COMMANDS[name];
  if (!command) {
    terminal.err(`baton: expected one of ${Object.keys(COMMANDS).join(', ')}, got ${name}\n`);
    return 2;
  }
  if (rest.includes('--help')) {
    terminal.out(describeCommand(name, command));
    return 0;
  }
  try {
    const env = command.readsSecrets ? terminal.env : await resolveSecrets(terminal.env);
    return await command.run(new Args(rest, command), { ...terminal, env });
  } catch (error) {
    if (!(error instanceof PushError)) throw error;
    terminal.err(`baton ${name}: ${error.message}\n`);
    return error.code === 'BAD_INPUT' ? 2 : 1;
  }
}

function describeAll(): string {
  const rows = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`);
  return [
    'baton COMMAND [options]',
    '',
    ...rows,
    '',
    'baton COMMAND --help tells the options of each. Configuration is by environment variables: see the README.',
    '',
  ].join('\n');
}

/** A connection attempt that nobody waits for any more does not hold up the end for longer. */
const LEAVE_WITHIN_MS = 500;

if (import.meta.main) {
  process.exitCode = await main(process.argv.slice(2), {
    env: process.env,
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    live: process.stderr.isTTY,
  });
  setTimeout(() => process.exit(), LEAVE_WITHIN_MS).unref();
}
