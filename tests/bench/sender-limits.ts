import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSandboxCredentials } from '../../src/rehearsal/fcm/credentials.ts';
import { makeCertificate } from '../support/certificate.ts';
import { startMariaDb } from '../support/mariadb.ts';
import type { Cost, Way } from './sender-client.ts';
import type { SandboxAddress } from './sender-sandbox.ts';

const MESSAGES = 10_000;
const WARM_UP_ROUNDS = 3;
const ROUNDS = 5;
const LATENCY_MS = 50;

/** The limit of each way's CPU time, as a part of sendEach's. */
const LIMITS: Readonly<Record<Way, number>> = { sendEach: 1, http2: 0.5, pipeline: 0.7 };

/**
 * Measures the CPU time of the sending process for each message, over TLS: firebase-admin's sendEach alone, the http2
 * transport, and a whole hop (page, send, record) over MariaDB. Each way has a process of its own, the sandbox another one.
 * The ways take turns, so that a busy machine affects all of them.
 */
export async function benchSender(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'baton-bench-'));
  const server = await startMariaDb();
  if (!server) throw new Error('mariadbd is not installed (Debian: mariadb-server)');
  const children: ChildProcess[] = [];
  const start = (name: string, args: string[], env: NodeJS.ProcessEnv): ChildProcess => {
    const child = fork(join(import.meta.dirname, name), args, { env: { ...process.env, ...env } });
    children.push(child);
    return child;
  };
  try {
    const { private: key, cert } = await makeCertificate();
    const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    await Promise.all([writeFile(keyFile, key), writeFile(certFile, cert)]);
    const sandbox = start('sender-sandbox.ts', [keyFile, certFile, String(LATENCY_MS)], {});
    const { endpoint, tokenUrl } = await hear<SandboxAddress>(sandbox);
    const env = {
      NODE_EXTRA_CA_CERTS: certFile,
      DATABASE_URL: `${server.url}/mysql`,
      FCM_ENDPOINT: endpoint,
      FCM_PROJECT_ID: 'bench',
      GOOGLE_APPLICATION_CREDENTIALS: writeSandboxCredentials(folder, tokenUrl),
      FCM_MESSAGES_PER_MINUTE: '1000000000',
      FCM_RAMP_SECONDS: '0',
    };
    const ways = Object.keys(LIMITS) as Way[];
    const clients = ways.map((way) => start('sender-client.ts', [way, String(MESSAGES)], env));
    const costs = ways.map((): Cost[] => []);
    for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
      for (const [nth, client] of clients.entries()) {
        client.send('send');
        const cost = await hear<Cost>(client);
        if (round >= WARM_UP_ROUNDS) costs[nth]?.push(cost);
      }
    }
    report(ways, costs);
  } finally {
    for (const child of children) child.kill();
    await server.stop();
    await rm(folder, { recursive: true });
  }
}

function report(ways: readonly Way[], costs: readonly Cost[][]): void {
  process.stdout.write(
    `${MESSAGES} messages a round over TLS, answers after ${LATENCY_MS} ms; medians of ${ROUNDS} rounds\n`,
  );
  const cpu = costs.map((rounds) => median(rounds.map(({ cpuUs }) => cpuUs)));
  const wall = costs.map((rounds) => median(rounds.map(({ wallUs }) => wallUs)));
  for (const [nth, way] of ways.entries()) {
    const [us = 0, base = 0] = [cpu[nth], cpu[0]];
    const ratio = us / base;
    const limit = LIMITS[way];
    const isHeld = ratio <= limit;
    if (!isHeld) process.exitCode = 1;
    process.stdout.write(
      `${way.padEnd(9)} ${us.toFixed(1)} us CPU and ${wall[nth]?.toFixed(0)} us in all for a message` +
        (nth === 0
          ? '\n'
          : `; CPU ${ratio.toFixed(2)} of sendEach, ${isHeld ? 'within' : 'BEYOND'} the limit of ${limit}\n`),
    );
  }
}

/** Resolves to the child's next message; throws if the child ends without one. */
async function hear<T>(child: ChildProcess): Promise<T> {
  const ended = new AbortController();
  const exit = once(child, 'exit', { signal: ended.signal }).then(([code]) => {
    throw new Error(`${child.spawnargs.at(-2)} ended with ${String(code)}`);
  });
  const [message] = (await Promise.race([once(child, 'message'), exit])) as [T];
  exit.catch(() => {});
  ended.abort();
  return message;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
