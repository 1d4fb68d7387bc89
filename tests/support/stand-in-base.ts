import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const FIXTURE = fileURLToPath(new URL('../fixtures/stand-in-base', import.meta.url));
const WORKER = fileURLToPath(new URL('../../src/local/lambda/worker.ts', import.meta.url));
const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt';

const run = promisify(execFile);

/**
 * Writes the folder of an image that stands in for AWS's base image: this machine's Node, npm and shell, their libraries,
 * and an entrypoint that starts the worker of the local Lambda. The worker's own types are stripped by Node, and the handler
 * is a bundle: the image needs no tsx.
 */
export async function writeStandInBase(folder: string): Promise<void> {
  const place = (path: string): string => join(folder, path);
  await cp(FIXTURE, folder, { recursive: true });
  for (const path of ['tmp', 'root', 'etc', 'var/task', 'var/runtime', 'var/lang/bin', 'var/lang/lib']) {
    await mkdir(place(path), { recursive: true });
  }
  await cp(WORKER, place('var/runtime/worker.ts'));
  await writeFile(place('etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  const programs = {
    '/bin/sh': 'bin/sh',
    '/usr/bin/env': 'usr/bin/env',
    [process.execPath]: 'var/lang/bin/node',
  };
  const files = new Map<string, string>();
  for (const [program, path] of Object.entries(programs)) {
    files.set(program, path);
    const { stdout } = await run('ldd', [program]);
    for (const [library] of stdout.matchAll(/\/\S+/g)) files.set(library, library);
  }
  if (existsSync(AUTHORITIES)) files.set(AUTHORITIES, AUTHORITIES);
  for (const [from, to] of files) {
    await mkdir(dirname(place(to)), { recursive: true });
    await cp(from, place(to), { dereference: true });
  }
  const npm = join((await run('npm', ['root', '--global'])).stdout.trim(), 'npm');
  await cp(npm, place('var/lang/lib/npm'), { recursive: true });
  await symlink('../lib/npm/bin/npm-cli.js', place('var/lang/bin/npm'));
}

/** Writes this machine's whole npm configuration to one file, for `npm ci` in a container. */
export async function writeNpmConfig(file: string): Promise<void> {
  const get = async (key: string): Promise<string> =>
    (await run('npm', ['config', 'get', key, '--location=global'])).stdout.trim();
  const own = await readFile(await get('userconfig'), 'utf8').catch(() => '');
  const lines = ['registry', 'cafile', 'proxy', 'https-proxy', 'noproxy'].map(async (key) => {
    const value = await get(key);
    return ['', 'null', 'undefined'].includes(value) ? '' : `${key}=${value}\n`;
  });
  await writeFile(file, `${own}\n${(await Promise.all(lines)).join('')}`);
}
