/** Runs FCM's sandbox over TLS in a process of its own, so that its CPU time is not counted as the sender's. */
import { readFileSync } from 'node:fs';
import { startFcmSandbox } from '../../src/rehearsal/fcm/sandbox.ts';

export interface SandboxAddress {
  readonly endpoint: string;
  readonly tokenUrl: string;
}

const [keyFile = '', certFile = '', latencyMs = ''] = process.argv.slice(2);
const { endpoint, tokenUrl } = await startFcmSandbox({
  tls: { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8') },
  latencyMs: Number(latencyMs),
  quotaPerMinute: 1_000_000_000,
});
process.send?.({ endpoint, tokenUrl } satisfies SandboxAddress);
process.once('disconnect', () => process.exit());
