import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startRuntimeApi } from '../../src/local/lambda/runtime-api.ts';
import { buildBundle } from '../support/bundle.ts';

const WORKER = fileURLToPath(new URL('../../src/local/lambda/worker.ts', import.meta.url));
const STARTS = 15;

/** Measures the time until a worker asks for its first event, with the bundle and with a bare handler. */
export async function benchStart(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'baton-bench-'));
  try {
    const bundle = await buildBundle(folder);
    const bare = join(folder, 'bare.mjs');
    await writeFile(bare, 'export const handler = async () => {};\n');
    const times: { bare: number[]; bundle: number[] } = { bare: [], bundle: [] };
    for (let nth = 0; nth < STARTS; nth++) {
      times.bare.push(await start(bare));
      times.bundle.push(await start(bundle.file));
    }
    const [node, total] = [median(times.bare), median(times.bundle)];
    process.stdout.write(
      `bundle: ${(bundle.bytes / 1e6).toFixed(2)} MB; ready after ${total.toFixed(0)} ms, of which Node ` +
        `${node.toFixed(0)} ms and the bundle ${(total - node).toFixed(0)} ms (medians of ${STARTS})\n`,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Starts a worker; resolves to the milliseconds until it asks for its first event. */
async function start(handlerFile: string): Promise<number> {
  const ready = Promise.withResolvers<number>();
  const api = await startRuntimeApi({
    next: () => ready.resolve(performance.now()),
    answer: () => false,
    initError: (body) => ready.reject(new Error(body.toString())),
  });
  const startedAt = performance.now();
  const env = { AWS_LAMBDA_RUNTIME_API: api.address, _HANDLER: 'handler.handler' };
  const child = spawn(process.execPath, [WORKER, handlerFile], { env, stdio: 'inherit' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    return (await ready.promise) - startedAt;
  } finally {
    child.kill('SIGKILL');
    await ended;
    api.close();
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((one, two) => one - two)[Math.floor(values.length / 2)] ?? Number.NaN;
}
