/** Runs one peer in a process of its own: for each period that its parent sends, it sends messages and reports the cost. */
import type { Measure, Period } from './meter.ts';
import { startMeter } from './meter.ts';
import type { Load, NodePeer } from './peer.ts';

/** Only the peer's own modules are loaded, so that the memory is the peer's. */
const PREPARATIONS: Readonly<Record<NodePeer, () => Promise<Load>>> = {
  baton: async () => (await import('./baton.ts')).prepareBaton(),
  'sendEach-1': async () => (await import('./send-each.ts')).prepareSendEach(1),
  'sendEach-4': async () => (await import('./send-each.ts')).prepareSendEach(4),
  'sendEach-8': async () => (await import('./send-each.ts')).prepareSendEach(8),
  'fcm-v1-http2': async () => (await import('./fcm-v1-http2.ts')).prepareFcmV1Http2(),
  undici: async () => (await import('./undici.ts')).prepareUndici(),
};

const name = process.argv[2] as NodePeer;
const preparation = PREPARATIONS[name]();

process.on('message', (period: Period) => {
  measure(period).then(
    (cost) => process.send?.(cost),
    (error: unknown) => {
      process.stderr.write(`${name}: ${String(error)}\n`);
      process.exit(1);
    },
  );
});
process.once('disconnect', () => process.exit());

async function measure(period: Period): Promise<Measure> {
  const load = await preparation;
  const meter = startMeter(period, { now: () => performance.now(), cpuUs });
  await load(meter);
  const result = meter.result();
  if (!result) throw new Error('expected answers until the end of the period, got none');
  return { ...result, peakMb: process.resourceUsage().maxRSS / 1024 };
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
