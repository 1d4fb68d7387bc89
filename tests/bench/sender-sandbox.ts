/**
 * Runs FCM's sandbox over TLS in a process of its own, so that its CPU time is not counted as the sender's. It answers each
 * message of its parent with its cost so far.
 */
import { readFileSync } from 'node:fs';
import { startFcmSandbox } from '../../src/rehearsal/fcm/sandbox.ts';

export interface SandboxAddress {
  readonly endpoint: string;
  readonly tokenUrl: string;
}

export interface SandboxCost {
  readonly accepted: number;
  readonly cpuUs: number;
}

const [keyFile = '', certFile = '', latencyMs = '', tailShare = '', tailMs = ''] = process.argv.slice(2);
const sandbox = await startFcmSandbox({
  tls: { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8') },
  latencyMs: Number(latencyMs),
  tail: { share: Number(tailShare), ms: Number(tailMs) },
  quotaPerMinute: 1_000_000_000,
});
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ accepted: sandbox.stats().accepted, cpuUs: user + system } satisfies SandboxCost);
});
process.once('disconnect', () => process.exit());
process.send?.({ endpoint: sandbox.endpoint, tokenUrl: sandbox.tokenUrl } satisfies SandboxAddress);
