import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startRuntimeApi } from '../../src/local/runtime-api.ts';
import { buildBundle } from '../support/bundle.ts';

const WORKER = fileURLToPath(new URL('../../src/local/worker.ts', import.meta.url));
const STARTS = 20;

/** From the start of a worker's process to the first event that it takes: with the bundle, and with a handler of one line. */
export async function benchStart(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'baton-bench-'));
  const { file, bytes } = await buildBundle(folder);
  const empty = join(folder, 'empty.mjs');
  await writeFile(empty, 'export const handler = () => null;\n');
  const [bare, whole] = [await medianStartMs(empty), await medianStartMs(file)];
  process.stdout.write(
    `bundle  ${(bytes / 1e6).toFixed(2)} MB, ${(whole - bare).toFixed(0)} ms to import\n` +
      `start   ${whole.toFixed(0)} ms to the first event, ${bare.toFixed(0)} ms of them Node's own\n`,
  );
  await rm(folder, { recursive: true });
}

async function medianStartMs(handlerFile: string): Promise<number> {
  const times: number[] = [];
  for (let nth = 0; nth < STARTS; nth++) times.push(await startMs(handlerFile));
  return times.toSorted((a, b) => a - b)[STARTS / 2] ?? NaN;
}

async function startMs(handlerFile: string): Promise<number> {
  const asked = Promise.withResolvers<void>();
  const api = await startRuntimeApi({
    next: () => asked.resolve(),
    answer: () => false,
    initError: (body) => asked.reject(new Error(body.toString())),
  });
  const startedAt = performance.now();
  const worker = spawn(process.execPath, [WORKER, handlerFile], {
    env: { AWS_LAMBDA_RUNTIME_API: api.address, AWS_REGION: 'us-east-1', _HANDLER: 'handler.handler' },
    stdio: 'ignore',
  });
  const ended = once(worker, 'exit');
  await asked.promise;
  const tookMs = performance.now() - startedAt;
  worker.kill();
  await ended;
  api.close();
  return tookMs;
}
