import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSandboxCredentials } from '../../src/rehearsal/fcm/credentials.ts';
import { makeCertificate } from '../support/certificate.ts';
import type { SandboxAddress, SandboxCost } from './sender-sandbox.ts';
import type { Tail } from '../../src/rehearsal/fcm/latency.ts';

/** After this time without an answer a child counts as hung. */
const MAX_SILENCE_MS = 120_000;

/** The sandbox in a process of its own. */
export interface StagedSandbox {
  readonly endpoint: string;
  /** What a child needs to send to it. */
  readonly env: NodeJS.ProcessEnv;
  fetchCost(): Promise<SandboxCost>;
  stop(): void;
}

/** The processes of a benchmark, and a folder for their files. */
export interface Stage {
  readonly folder: string;
  startSandbox(latencyMs: number, tail: Tail): Promise<StagedSandbox>;
  /** Starts a script of this folder in a process of its own. */
  start(script: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess;
  close(): Promise<void>;
}

export async function openStage(): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'baton-bench-'));
  const { private: key, cert } = await makeCertificate();
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  await Promise.all([writeFile(keyFile, key), writeFile(certFile, cert)]);
  const children: ChildProcess[] = [];
  // Node itself reads these files: a loader would add its own memory to that of each process.
  const start: Stage['start'] = (script, args, env) => {
    const options = { env: { ...process.env, ...env }, execArgv: [] };
    const child = fork(join(import.meta.dirname, script), args, options);
    children.push(child);
    return child;
  };
  return {
    folder,
    start,
    async startSandbox(latencyMs, { share, ms }) {
      const args = [keyFile, certFile, ...[latencyMs, share, ms].map(String)];
      const child = start('sender-sandbox.ts', args, {});
      const { endpoint, tokenUrl } = await hear<SandboxAddress>(child);
      return {
        endpoint,
        env: {
          NODE_EXTRA_CA_CERTS: certFile,
          FCM_ENDPOINT: endpoint,
          FCM_PROJECT_ID: 'bench',
          GOOGLE_APPLICATION_CREDENTIALS: writeSandboxCredentials(folder, tokenUrl),
          FCM_MESSAGES_PER_MINUTE: '1000000000',
          FCM_RAMP_SECONDS: '0',
        },
        fetchCost: () => ask<SandboxCost>(child, 'cost'),
        stop: () => child.kill(),
      };
    },
    async close() {
      for (const child of children) child.kill();
      await rm(folder, { recursive: true });
    },
  };
}

/** Sends a message to the child; resolves to its answer. */
export function ask<T>(child: ChildProcess, message: string | object): Promise<T> {
  child.send(message);
  return hear<T>(child);
}

/** Resolves to the child's next message; throws if the child ends without one, or hangs. */
async function hear<T>(child: ChildProcess): Promise<T> {
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, AbortSignal.timeout(MAX_SILENCE_MS)]);
  const exit = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`${child.spawnargs.slice(1).join(' ')} ended with ${String(code)}`);
  });
  exit.catch(() => {});
  try {
    const [message] = (await Promise.race([once(child, 'message', { signal }), exit])) as [T];
    return message;
  } finally {
    over.abort();
  }
}
