import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { workerEnv } from '../../src/local/lambda/env.ts';
import { buildBundle } from '../support/bundle.ts';
import { databaseKinds } from '../support/database.ts';
import { type Registry, startRegistry } from '../support/registry.ts';
import { type Runtime, startRuntime } from '../support/runtime.ts';
import { writeNpmConfig, writeStandInBase } from '../support/stand-in-base.ts';
import { makeWorld, type World } from '../support/world.ts';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const BASE = 'localhost/stand-in-base:24';
const MINUTES = 60_000;

const missing = [
  ...['/usr/bin/buildah', '/usr/bin/docker-registry'].filter((path) => !existsSync(path)),
  ...(process.getuid?.() === 0 ? [] : ['root']),
  ...(databaseKinds().includes('mysql') ? [] : ['MySQL']),
];
if (missing.length > 0) {
  const words = `the image cannot be built here; missing: ${missing.join(', ')}`;
  if (process.env['CI']) throw new Error(`${words}: in CI these tests must run`);
  process.stderr.write(`\n*** ${words}: THESE TESTS ARE SKIPPED ***\n\n`);
}

let folder: string;
let registry: Registry;
let env: Record<string, string>;

/** Runs a command in the project's folder; resolves to its output. */
async function run(command: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args, { cwd: PROJECT, env, maxBuffer: 64 << 20 });
  return stdout.trim();
}

interface Image {
  readonly OCIv1: {
    readonly config: {
      readonly Env: string[];
      readonly Entrypoint: string[];
      readonly Cmd: string[];
      readonly User?: string;
    };
    readonly architecture: string;
  };
  /** The manifest as the registry has it, JSON. */
  readonly Manifest: string;
}

/** Starts the container as Lambda does: with the image's own entrypoint and command, Lambda's variables and the function's. */
function start(
  container: string,
  { Entrypoint, Cmd }: Image['OCIv1']['config'],
  world: World,
  runtime: Runtime,
) {
  const settings = { functionName: 'baton', handlerFile: '/var/task/-', region: 'us-east-1', memoryMb: 1769 };
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const { endpoint, runtimeApi } = runtime;
  const variables = workerEnv(
    { ...settings, env: world.env, endpoint, credentials },
    {},
    'stream',
    runtimeApi,
  );
  // The image sets these itself.
  for (const name of ['_HANDLER', 'LAMBDA_TASK_ROOT']) delete variables[name];
  const child = spawn(
    'buildah',
    [
      ...['run', '--network', 'host', '--volume', `${world.folder}:${world.folder}:ro`],
      ...Object.entries(variables).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
      ...[container, '--', ...Entrypoint, ...Cmd],
    ],
    { env, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (text += String(data)));
  return { log: () => text, ended: new Promise((resolve) => child.once('close', resolve)) };
}

interface Manifest {
  readonly mediaType: string;
  readonly layers: { readonly size: number }[];
}

async function inspect(image: string): Promise<Image & { readonly layers: Manifest['layers'] }> {
  const inspected = JSON.parse(await run('buildah', 'inspect', '--type', 'image', image)) as Image;
  return { ...inspected, layers: (JSON.parse(inspected.Manifest) as Manifest).layers };
}

describe.skipIf(missing.length > 0)('the image that build.sh builds, pushed, and pulled back', () => {
  let image: string;
  let container: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'baton-image-'));
    const at = (name: string): string => join(folder, name);
    for (const name of ['base', 'tools', 'record', 'registry']) await mkdir(at(name));
    registry = await startRegistry(at('registry'));
    image = `${registry.address}/baton:under-test`;
    // All data of buildah is in a folder of its own. Isolation by chroot needs no daemon, only root.
    const storage = `[storage]\ndriver = "vfs"\ngraphroot = "${at('graph')}"\nrunroot = "${at('run')}"\n`;
    await writeFile(at('storage.conf'), storage);
    await writeNpmConfig(at('npmrc'));
    // The stand-in for ECR answers with the name of the repository and its password.
    await copyFile(join(PROJECT, 'tests/fixtures/recorded-tool.sh'), at('tools/aws'));
    await writeFile(at('record/repository'), '');
    env = {
      PATH: `${at('tools')}:${process.env['PATH'] ?? ''}`,
      HOME: folder,
      BUILDAH_ISOLATION: 'chroot',
      CONTAINERS_STORAGE_CONF: at('storage.conf'),
      REGISTRY_AUTH_FILE: at('login.json'),
      SSL_CERT_FILE: registry.ca,
      RECORD: at('record'),
      REPOSITORY: `${registry.address}/baton`,
      AWS_REGION: 'eu-central-1',
      ENGINE: 'buildah',
      BASE_IMAGE: BASE,
      NPMRC: at('npmrc'),
    };
    await writeStandInBase(at('base'));
    await run('buildah', 'build', '--quiet', '--tag', BASE, at('base'));
    for (const verb of ['build', 'push'])
      await run('./build.sh', '--allow-dirty', '--tag', 'under-test', verb);
    // The local images are deleted, so that only the registry has the image.
    await run('buildah', 'rmi', '--force', image, 'localhost/baton:under-test');
    container = await run('buildah', 'from', image);
  }, 5 * MINUTES);

  afterAll(async () => {
    await run('buildah', 'rm', '--all');
    await registry.stop();
    await rm(folder, { recursive: true, force: true });
  }, MINUTES);

  it('makes a broadcast over three hops from one event', { timeout: MINUTES }, async () => {
    await using world = await makeWorld('mysql', 25);
    const runtime = await startRuntime();
    const { ended, log } = start(container, (await inspect(image)).OCIv1.config, world, runtime);
    try {
      runtime.send({ announcementId: world.announcementId });
      expect(await runtime.replies(), log()).toMatchObject([
        { kind: 'broadcast', end: 'done', sent: 10 },
        { kind: 'broadcast', end: 'done', sent: 10 },
        { kind: 'broadcast', end: 'done', sent: 5 },
      ]);
      expect(await world.store.fetchAnnouncement(world.announcementId)).toMatchObject({ status: 'done' });
      expect(world.sandbox.accepted.size).toBe(25);
      // The image's own stage is in every line.
      expect(log()).toContain('"stage":"dev"');
    } catch (error) {
      throw new Error(`log of the container:\n${log()}`, { cause: error });
    } finally {
      // Without the Runtime API, the worker exits by itself.
      await runtime.close();
      await ended;
    }
  });

  it('adds one layer to its base, with nothing but the bundle that the other tests run', async () => {
    const [base, own] = [await inspect(BASE), await inspect(image)];
    expect(own.layers).toHaveLength(base.layers.length + 1);
    expect(own.layers.at(-1)?.size).toBeLessThan(10_000_000);
    const root = await run('buildah', 'mount', container);
    const { files } = await buildBundle(folder);
    const names = files.map((file) => basename(file));
    expect((await readdir(join(root, 'var/task'))).toSorted()).toEqual(names.toSorted());
    for (const [nth, name] of names.entries()) {
      const file = await readFile(join(root, 'var/task', name), 'utf8');
      expect(file === (await readFile(files[nth] ?? '', 'utf8')), name).toBe(true);
    }
  });

  it('is for one platform, with a handler, a stage and a source, and sets no user', async () => {
    const { OCIv1, Manifest } = await inspect(image);
    expect((JSON.parse(Manifest) as Manifest).mediaType).toMatch(/manifest\.v[12]\+json$/);
    expect(OCIv1.architecture).toBe('amd64');
    expect(OCIv1.config).toMatchObject({ Entrypoint: ['/lambda-entrypoint.sh'], Cmd: ['handler.handler'] });
    expect(OCIv1.config.Env).toEqual(expect.arrayContaining(['FCM_SOURCE=default', 'STAGE=dev']));
    expect(OCIv1.config.User ?? '').toBe('');
  });

  it('contains nothing of the npm configuration', async () => {
    const { Manifest, OCIv1 } = await inspect(image);
    const root = await run('buildah', 'mount', container);
    expect(existsSync(join(root, 'root/.npmrc'))).toBe(false);
    expect(JSON.stringify([Manifest, OCIv1])).not.toMatch(/registry=|_authToken/);
  });
});
