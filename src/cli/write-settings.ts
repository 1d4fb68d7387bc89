import { execFile } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { codeOf, PushError } from '../errors.ts';
import type { Ask } from './ask.ts';
import { ENV_FILE, readEnvFile, replaceSettings } from './env-file.ts';
import type { Terminal } from './terminal.ts';

/** `writeSettings` writes a new file and renames it over `.env`, so that a crash cannot leave half a file. */
export async function writeSettings(
  settings: Readonly<Record<string, string>>,
  ask: Ask,
  { env, folder }: Terminal,
): Promise<void> {
  const before = readEnvFile(folder) ?? '';
  const path = join(folder, ENV_FILE);
  const draft = `${path}.new`;
  try {
    // The file may hold a password: only its owner may read it.
    writeFileSync(draft, replaceSettings(before, settings), { mode: 0o600, flag: 'wx' });
    renameSync(draft, path);
  } catch (cause) {
    rmSync(draft, { force: true });
    if (cause instanceof PushError) throw cause;
    throw new PushError('BAD_CONFIG', `${ENV_FILE} cannot be written: ${codeOf(cause) ?? 'failed'}`, {
      cause,
    });
  }
  ask.say(`${ENV_FILE} written; only you can read it`);
  if (await isVisibleToGit(folder)) {
    const gitignore = join(folder, '.gitignore');
    const isWhole = !existsSync(gitignore) || /(^|\n)$/.test(readFileSync(gitignore, 'utf8'));
    appendFileSync(gitignore, `${isWhole ? '' : '\n'}${ENV_FILE}\n`);
    ask.say(`${ENV_FILE} added to .gitignore, so that git does not store it`);
  }
  const old = parseEnv(before);
  for (const [name, value] of Object.entries(settings)) {
    const own = env[name];
    if (own === undefined || own === old[name] || own === value) continue;
    ask.warn(`${name} is also set in this shell, and that value wins: unset it`);
  }
}

/** `isVisibleToGit` is true if the folder is in a git repository that does not ignore `.env`. */
function isVisibleToGit(folder: string): Promise<boolean> {
  return new Promise((resolve) => {
    execFile('git', ['check-ignore', '--quiet', ENV_FILE], { cwd: folder }, (error) =>
      resolve(error?.code === 1),
    );
  });
}
