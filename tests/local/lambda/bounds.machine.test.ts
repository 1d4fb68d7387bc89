import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { startLocalLambda } from '../../../src/local/lambda/lambda.ts';
import type { ApiLimits } from '../../../src/local/lambda/limits.ts';
import { openPost, rssMb } from '../../support/open-posts.ts';

const INVOCATIONS = '/2015-03-31/functions/probe/invocations';
const credentials = { accessKeyId: 'LOCAL-test', secretAccessKey: 'local' };
const authorization = `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/20260101/us-east-1/lambda/aws4_request`;
const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));

async function start(limits: Partial<ApiLimits> = {}) {
  const lambda = await startLocalLambda({
    functionName: 'probe',
    handlerFile: fixture('handlers/probe.ts'),
    env: {},
    workers: 1,
    credentials,
    limits,
  });
  onTestFinished(() => lambda.close());
  return { lambda, port: Number(new URL(lambda.endpoint).port) };
}

interface Reply {
  readonly status: number;
  readonly text: string;
}

function ask(port: number, method: string, path: string, body: string, headers = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, method, path, headers: { authorization, ...headers } });
    asked.on('response', (reply) => {
      const parts: Buffer[] = [];
      reply.on('data', (part: Buffer) => parts.push(part));
      reply.on('end', () =>
        resolve({ status: reply.statusCode ?? 0, text: Buffer.concat(parts).toString() }),
      );
    });
    asked.on('error', reject).end(body);
  });
}

/** What the server answers to these bytes before it closes the connection. */
async function talk(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', (data: Buffer) => (answer += data.toString()));
  socket.write(bytes);
  await once(socket, 'close');
  return answer;
}

const RECURSION = '/2024-08-31/functions/probe/recursion-config';
const CONCURRENCY = '/2017-10-31/functions/probe/concurrency';
const nest = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

test('a refused value of any kind or length gets a short error of the client', async () => {
  const { port } = await start();
  const values: unknown[] = [{ toString: 1 }, { valueOf: null }, ['Allow'], null, true, 'x'.repeat(1e6)];
  for (const value of values) {
    for (const [path, field] of [
      [RECURSION, 'RecursiveLoop'],
      [CONCURRENCY, 'ReservedConcurrentExecutions'],
    ] as const) {
      const { status, text } = await ask(port, 'PUT', path, JSON.stringify({ [field]: value }));
      expect([status, text]).toEqual([400, expect.stringContaining('1 validation error detected')]);
      expect(text.length).toBeLessThan(1000);
    }
  }
  const long = 'x'.repeat(10_000);
  for (const [path, headers] of [
    [`/2015-03-31/functions/${long}%20/invocations`, {}],
    [`/${long}`, {}],
    [INVOCATIONS, { 'x-amz-invocation-type': long }],
    [INVOCATIONS, { 'x-amz-log-type': long }],
  ] as const) {
    const { status, text } = await ask(port, 'POST', path, '{}', headers);
    expect([400, 404]).toContain(status);
    expect(text.length).toBeLessThan(1000);
  }
});

test('JSON of thousands of levels is refused, wherever it is, and never invokes the function', async () => {
  const { lambda, port } = await start();
  for (const levels of [501, 8000, 100_000]) {
    const deep = `{"a": ${nest(levels)}}`;
    for (const type of ['RequestResponse', 'Event', 'DryRun']) {
      const headers = { 'x-amz-invocation-type': type };
      expect(await ask(port, 'POST', INVOCATIONS, deep, headers)).toMatchObject({
        status: 400,
        text: expect.stringContaining('more than 500 levels'),
      });
    }
    expect((await ask(port, 'PUT', RECURSION, deep)).status).toBe(400);
  }
  const context = { 'x-amz-client-context': Buffer.from(nest(5000)).toString('base64') };
  expect((await ask(port, 'POST', INVOCATIONS, '{}', context)).status).toBe(400);
  expect(lambda.stats().invocations).toBe(0);
});

test('a payload may have 6 MB for a synchronous invocation and 1 MB for an event', async () => {
  const { lambda, port } = await start();
  const MB = 1024 * 1024;
  for (const [type, bytes] of [
    ['DryRun', 6 * MB],
    ['Event', MB],
  ] as const) {
    const statuses: number[] = [];
    for (const size of [bytes, bytes + 1]) {
      const body = `"${'x'.repeat(size - 2)}"`;
      statuses.push((await ask(port, 'POST', INVOCATIONS, body, { 'x-amz-invocation-type': type })).status);
    }
    expect([type, statuses]).toEqual([type, [type === 'Event' ? 202 : 204, 413]]);
  }
  await lambda.idle();
  expect(lambda.stats().invocations).toBe(1);
});

test('connections that send nothing, half a head or half a body, or stay idle, are closed', async () => {
  const { port } = await start({ headMs: 50, requestMs: 100, idleMs: 50, checkMs: 10 });
  const head = `POST ${INVOCATIONS} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: ${authorization}\r\n`;
  const answers = await Promise.all([
    talk(port, ''),
    talk(port, head),
    talk(port, `${head}content-length: 10\r\n\r\n{`),
    talk(port, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'),
  ]);
  expect(answers.map((answer) => answer.slice(9, 12))).toEqual(['408', '408', '408', '403']);
});

test('a connection beyond the limit is closed at once', async () => {
  const { port } = await start({ connections: 1 });
  const socket = connect(port, '127.0.0.1');
  // A connection counts as soon as the server has accepted it.
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await once(socket, 'data');
  expect(await talk(port, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n')).toBe('');
  socket.destroy();
});

test('payloads in flight have room for so many bytes altogether: one more is throttled, until the others are done', async () => {
  const { port } = await start({ payloadBytes: 1000 });
  const half = await openPost(port, INVOCATIONS, { declared: 600, bytes: 0, headers: { authorization } });
  const body = JSON.stringify('x'.repeat(598));
  const dryRun = { 'x-amz-invocation-type': 'DryRun' };
  // The head of the first request may arrive after the second request.
  while ((await ask(port, 'POST', INVOCATIONS, body, dryRun)).status === 204);
  expect(await ask(port, 'POST', INVOCATIONS, body, dryRun)).toMatchObject({
    status: 429,
    text: expect.stringContaining('Rate Exceeded'),
  });
  expect((await ask(port, 'POST', INVOCATIONS, '{}', dryRun)).status).toBe(204);
  await half.end();
  while ((await ask(port, 'POST', INVOCATIONS, body, dryRun)).status === 429);
});

test('300 open POSTs of 6 MB without the secret of the run take no memory', async () => {
  const child = spawn(process.execPath, ['--import', 'tsx', fixture('local-lambda-process.ts')]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(new URL(line.toString().trim()).port);
  const attack = async (count: number) => {
    const before = rssMb(child.pid);
    const posts = await Promise.all(
      Array.from({ length: count }, () => openPost(port, INVOCATIONS, { declared: 6 * 1024 * 1024 })),
    );
    const during = rssMb(child.pid) - before;
    await Promise.all(posts.map((post) => post.end()));
    return { grownMb: Math.max(during, rssMb(child.pid) - before), lines: posts.map((post) => post.line) };
  };
  await attack(30);
  const { grownMb, lines } = await attack(300);
  expect(lines).toContain('HTTP/1.1 403 Forbidden');
  expect(grownMb).toBeLessThan(50);
  expect((await ask(port, 'POST', INVOCATIONS, '{}')).status).toBe(403);
});
