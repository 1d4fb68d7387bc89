import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.ts';
import { flagOf } from '../../src/cli/options.ts';
import { VARIABLES } from '../../src/config/variables.ts';
import { openAcceptedLog } from '../../src/rehearsal/fcm/log.ts';
import { acceptedLogFile } from '../../src/rehearsal/environment.ts';
import { baton, batonHere, makeTerminal } from '../support/baton.ts';
import { FEW_SHAPES, MARK, SECRET_SHAPES } from '../support/secret.ts';

let folder: string;
let env: Record<string, string>;
const home = process.cwd();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'baton-secrets-'));
  // Some of the secrets are paths too, and would name a file here.
  process.chdir(folder);
  env = { DATABASE_URL: join(folder, 'baton.db'), FCM_ENDPOINT: 'http://127.0.0.1:1' };
  expect(await batonHere(['migrate'], env)).toMatchObject({ status: 0 });
});
afterEach(() => expect(readdirSync(folder).join()).not.toContain(MARK));
afterAll(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true });
});

/** Runs the command line in this process and expects that it says something, and nothing of the mark. */
async function expectNothingShown(
  args: readonly string[],
  settings: Record<string, string> = env,
): Promise<void> {
  const { status, out, err } = await batonHere(args, settings, makeTerminal({ env: settings, folder }));
  if (`${out}${err}`.includes(MARK.slice(0, 6))) {
    expect.fail(
      `baton ${args.join(' ').slice(0, 200)} says: ${(out + err).slice(Math.max(0, (out + err).indexOf(MARK) - 200)).slice(0, 400)}`,
    );
  }
  expect({ args, status }).not.toEqual({ args, status: 0 });
  expect(out + err).not.toMatch(/^ {4}at /m);
}

/** An option that no command has: the command line is refused before anything is done. */
const STOP = '--no-such-option';

test.each(COMMANDS.map((entry) => [entry.name, entry] as const))(
  'baton %s shows nothing of a secret in a wrong option',
  async (name, entry) => {
    const { options } = await entry.load();
    for (const shape of FEW_SHAPES) {
      await expectNothingShown([name, `--${shape}`]);
      await expectNothingShown([name, `--password=${shape}`]);
      await expectNothingShown([name, '-p', shape, STOP]);
      await expectNothingShown([name, shape, STOP]);
      for (const [option, { placeholder }] of Object.entries(options)) {
        if (placeholder !== null) await expectNothingShown([name, flagOf(option), shape, STOP]);
        await expectNothingShown([name, `${flagOf(option)}x`, shape, STOP]);
      }
    }
  },
);

test('a secret in place of a command or an operand is not shown', async () => {
  for (const shape of SECRET_SHAPES) {
    await expectNothingShown([shape]);
    await expectNothingShown(['help', shape]);
    for (const name of ['status', 'pause', 'resume', 'cancel', 'explain', 'devices', 'import']) {
      await expectNothingShown([name, shape]);
      await expectNothingShown([name, '1', shape]);
    }
    for (const option of ['--link', '--image', '--priority', '--analytics-label', '--source']) {
      await expectNothingShown(['push', '--title', 'T', '--body', 'B', option, shape]);
    }
    await expectNothingShown(['push', '--title', shape.repeat(300), '--body', 'B']);
    await expectNothingShown(['serve', '--host', shape, STOP]);
    await expectNothingShown(['doctor', '--function', `${shape}/`]);
    await expectNothingShown(['rehearse', '--faults', shape]);
    await expectNothingShown(['rehearse', '--outage', shape]);
  }
});

const SETTINGS = VARIABLES.map(({ name }) => name).filter((name) => name !== 'NODE_EXTRA_CA_CERTS');

test.each(SETTINGS)('no command shows a secret in %s', async (name) => {
  for (const shape of name === 'DATABASE_URL' ? SECRET_SHAPES : FEW_SHAPES) {
    for (const args of [
      ['status', '77'],
      ['push', '--announcement', '77'],
    ]) {
      await expectNothingShown(args, { ...env, [name]: shape });
    }
  }
  // A file that is named after a secret would show it to all.
  expect(readdirSync('.').filter((file) => file.includes(MARK))).toEqual([]);
});

test('the doctor shows no secret in any setting', async () => {
  // The doctor names each source: a name is no secret.
  const wrong = SETTINGS.filter(
    (name) => !['DATABASE_URL', 'FCM_SOURCE'].includes(name) && !name.startsWith('GOOGLE_'),
  );
  for (const shape of [SECRET_SHAPES[0] ?? '', SECRET_SHAPES[4] ?? '']) {
    const settings = { ...Object.fromEntries(wrong.map((name) => [name, shape])), DATABASE_URL: shape };
    await expectNothingShown(['doctor', '--json'], settings);
    await expectNothingShown(['doctor'], {
      DATABASE_URL: shape,
      FCM_CREDENTIALS: shape,
      FCM_ENDPOINT: env['FCM_ENDPOINT']!,
    });
  }
});

test('a configuration that is not valid is one clear line of a real process, and no stack', async () => {
  const settings = { ...env, DATABASE_TLS: `/${MARK}.pem`, DATABASE_URL: 'mysql://u:p@127.0.0.1:1/d' };
  const { status, out, err } = await baton(['list'], settings);
  expect({ status, out }).toEqual({ status: 1, out: '' });
  expect(err).toBe(
    'baton list: DATABASE_TLS: expected off, rds, verify, or the path of a PEM file, ' +
      'got 19 characters that are the path of no readable file (ENOENT)\n',
  );
});

test('a line of .env that is not valid is reported without its text', async () => {
  writeFileSync(join(folder, '.env'), `STAGE=dev\n${MARK}\nAPI_TOKEN="${MARK}\n`);
  await expectNothingShown(['list'], {});
  rmSync(join(folder, '.env'));
});

test('a database and a log of a rehearsal can be read by their owner alone', () => {
  const mode = (file: string): number => statSync(file).mode & 0o777;
  expect(mode(env['DATABASE_URL']!)).toBe(0o600);
  const log = join(folder, 'accepted.log');
  openAcceptedLog(log).close();
  expect(mode(log)).toBe(0o600);
});

test('the name of a log does not depend on the user and the password of the database', () => {
  const one = acceptedLogFile(`mysql://baton:${MARK}@127.0.0.1:3306/shop`);
  expect(one).toBe(acceptedLogFile('mysql://root:x@127.0.0.1:3306/shop'));
  expect(one).not.toBe(acceptedLogFile('mysql://root:x@127.0.0.1:3306/other'));
});
