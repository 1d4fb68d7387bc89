import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../clock.ts';
import { type Env, parseCredentials, parseDatabaseConfig } from '../config/config.ts';
import { DEFAULT_FILE } from '../config/variables/database.ts';
import { migrateDatabase } from '../db/open.ts';
import { PushError } from '../errors.ts';
import { formatCount } from '../words.ts';
import { type Ask, Interrupted, makeAsk } from './ask.ts';
import { defineCommand, runCommand } from './command.ts';
import { ENV_FILE } from './env-file.ts';
import { importDevices } from './import.ts';
import { describeTally } from './import-report.ts';
import {
  checkBudget,
  checkCredentials,
  checkCsv,
  checkDatabase,
  checkSource,
  databaseSettings,
  hasGoogleCredentials,
} from './init-checks.ts';
import { pushCommand } from './push.ts';
import { EXIT_INTERRUPTED, type Terminal } from './terminal.ts';
import { withStore } from './with-store.ts';
import { writeSettings } from './write-settings.ts';

/**
 * FCM's default quota of a project, in messages per minute.
 * https://firebase.google.com/docs/cloud-messaging/throttling-and-quotas
 */
const DEFAULT_BUDGET = '600000';

const DRY_RUN = ['--title', 'Baton', '--body', 'A dry run', '--dry-run'];

export const initCommand = defineCommand({
  description:
    'Set Baton up in this folder. Asks at most six questions and checks each answer at once; then writes .env, creates ' +
    'the tables, imports a CSV file of devices, and offers a dry run. Ctrl-C at a question leaves everything as it was.',
  options: {},
  async run(_, terminal) {
    if (terminal.dialog === null) {
      throw new PushError(
        'BAD_INPUT',
        'expected a terminal to ask questions on, got none; set DATABASE_URL, FCM_CREDENTIALS and the other settings instead',
      );
    }
    return setUp(await makeAsk(terminal.dialog), terminal);
  },
});

interface Answers {
  readonly settings: Readonly<Record<string, string>>;
  /** Path of the file to import; empty: no import. */
  readonly csv: string;
}

/** `setUp` asks all questions and does what the answers say. Resolves to the exit status. */
export async function setUp(ask: Ask, terminal: Terminal): Promise<number> {
  let answers: Answers | null = null;
  try {
    ask.title('Set up Baton in this folder');
    answers = await askAll(ask, terminal);
    if (answers === null) return 0;
    await writeSettings(answers.settings, ask, terminal);
    const env: Env = { ...terminal.env, ...answers.settings };
    const devices = await fillDatabase(answers.csv, env, ask);
    const canPush = devices > 0 && (Boolean(env['FCM_CREDENTIALS']) || hasGoogleCredentials(env));
    const status = canPush ? await offerDryRun(devices, ask, { ...terminal, env, readEnv: () => env }) : 0;
    ask.end('Done. `baton doctor` checks everything, `baton push --help` shows how to push.');
    return status;
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    ask.end(answers === null ? 'Nothing was written.' : `Stopped. ${ENV_FILE} and the tables are complete.`);
    return EXIT_INTERRUPTED;
  }
}

/** `askAll` resolves to null if there is a `.env` and the person keeps it. */
async function askAll(ask: Ask, { env, folder }: Terminal): Promise<Answers | null> {
  if (existsSync(join(folder, ENV_FILE))) {
    const message = `There is a ${ENV_FILE} here. Replace Baton's settings in it? Its other lines stay.`;
    if (!(await ask.confirm(message, false))) {
      ask.end(`Nothing was changed in ${ENV_FILE}.`);
      return null;
    }
  }
  // A password or a key that is set already does not appear on the screen.
  const address = env['DATABASE_URL'] || DEFAULT_FILE;
  const database = await ask.text({
    message: 'Database: an SQLite file, or mysql://user:password@host:3306/database',
    ...(address.includes('@') ? { placeholder: 'empty: the address that is set now' } : { initial: address }),
    check: (answer) => checkDatabase(env, answer || address),
  });
  const account = parseCredentials(env['FCM_CREDENTIALS'] || null);
  const isKept = account.kind === 'inline';
  const credentials = await ask.text({
    message:
      'Service account key of Firebase (console: Project settings, Service accounts, Generate new private key)',
    placeholder: isKept ? 'empty: the one that is set now' : 'path of the JSON file; empty: later',
    ...(account.kind === 'file' ? { initial: account.path } : {}),
    check: (answer) => checkCredentials(env, answer || (isKept ? account.json : '')),
  });
  const source = await ask.text({
    message: 'Source: your name for this Firebase project',
    initial: env['FCM_SOURCE'] || 'default',
    check: checkSource,
  });
  const budget = await ask.text({
    message: "Budget: messages per minute (600000 is FCM's default quota)",
    initial: env['FCM_MESSAGES_PER_MINUTE'] || DEFAULT_BUDGET,
    check: checkBudget,
  });
  const csv = await ask.text({
    message: 'Devices: a CSV file with a column token or fid',
    placeholder: 'path of the file; empty: later',
    check: checkCsv,
  });
  const settings = {
    ...databaseSettings(database || address),
    ...(credentials === '' ? {} : { FCM_CREDENTIALS: credentials }),
    FCM_SOURCE: source,
    FCM_MESSAGES_PER_MINUTE: budget,
  };
  return { settings, csv };
}

/** `fillDatabase` creates the tables and imports the file. Resolves to the number of devices. */
async function fillDatabase(csv: string, env: Env, ask: Ask): Promise<number> {
  const applied = await migrateDatabase(parseDatabaseConfig(env), systemClock);
  ask.say(applied.length === 0 ? 'the tables are up to date' : `tables created: ${applied.join(', ')}`);
  return withStore(env, async (store) => {
    if (csv !== '') {
      const tally = await importDevices(csv, store, { err: (line) => ask.warn(line.trimEnd()) });
      for (const line of [describeTally(tally), ...tally.remarks]) ask.say(line);
    }
    return store.countDevices();
  });
}

async function offerDryRun(devices: number, ask: Ask, terminal: Terminal): Promise<number> {
  const message = `Try it with a dry run for ${formatCount(devices)} devices? FCM checks every message, and no phone shows one.`;
  if (!(await ask.confirm(message, true))) return 0;
  try {
    return await runCommand('push', pushCommand, DRY_RUN, terminal);
  } catch (error) {
    if (!(error instanceof PushError)) throw error;
    ask.warn(`The dry run failed: ${error.message}`);
    return 1;
  }
}
