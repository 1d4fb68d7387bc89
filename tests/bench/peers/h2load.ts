import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../../src/clock.ts';
import { restMessage } from '../../../src/fcm/message.ts';
import type { Measure, Period } from './meter.ts';
import { ANNOUNCEMENT, COLLAPSE_KEY, CONNECTIONS, STREAMS_PER_CONNECTION, targetOf } from './peer.ts';

const POLL_MS = 20;

/** The version that is installed; null for none. Debian's package is nghttp2-client. */
export function findH2load(): string | null {
  const { stdout } = spawnSync('h2load', ['--version'], { encoding: 'utf8' });
  return /nghttp2\/(\S+)/.exec(stdout ?? '')?.[1] ?? null;
}

/**
 * Runs h2load, which sends one message over and over. `fetchAccepted` reads how many messages the sandbox has accepted so
 * far: h2load's CPU time covers all of them, also those before the period.
 */
export async function runH2load(
  endpoint: string,
  folder: string,
  { leadMs, measureMs }: Period,
  fetchAccepted: () => Promise<number>,
): Promise<Measure> {
  const message = {
    ...restMessage({ ...ANNOUNCEMENT, collapseKey: COLLAPSE_KEY }, Date.now()),
    token: targetOf(0),
  };
  const body = join(folder, 'h2load.json');
  writeFileSync(body, JSON.stringify({ message }));
  const acceptedBefore = await fetchAccepted();
  const child = spawn(
    'h2load',
    [
      ...['--clients', String(CONNECTIONS), '--max-concurrent-streams', String(STREAMS_PER_CONNECTION)],
      ...['--warm-up-time', `${leadMs}ms`, '--duration', `${measureMs}ms`],
      ...['--header', 'authorization: Bearer bench', '--header', 'content-type: application/json'],
      ...['--data', body, `${endpoint}/v1/projects/bench/messages:send`],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  child.stdout.on('data', (text) => (output += String(text)));
  const exit = once(child, 'close');
  let use = { cpuUs: 0, peakMb: 0 };
  while (child.exitCode === null) {
    use = readUse(child.pid ?? 0) ?? use;
    await systemClock.sleep(POLL_MS);
  }
  await exit;
  const messagesPerSecond = Number(/finished in \S+, ([\d.]+) req\/s/.exec(output)?.[1]);
  if (!(messagesPerSecond > 0)) throw new Error(`h2load: expected a number of req/s, got ${output}`);
  const accepted = (await fetchAccepted()) - acceptedBefore;
  return { messagesPerSecond, cpuUs: use.cpuUs / accepted, peakMb: use.peakMb };
}

/** User and system time in hundredths of a second, and the peak of the memory, from Linux's proc(5); null after the end. */
function readUse(pid: number): { cpuUs: number; peakMb: number } | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    const peakKb = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    if (peakKb === undefined) return null;
    return { cpuUs: (Number(fields[11]) + Number(fields[12])) * 10_000, peakMb: Number(peakKb) / 1024 };
  } catch {
    return null;
  }
}
