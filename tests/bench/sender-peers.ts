import { findH2load, runH2load } from './peers/h2load.ts';
import type { Measure, Period } from './peers/meter.ts';
import type { Peer } from './peers/peer.ts';
import type { SenderOptions } from './sender-options.ts';
import { ask, openStage, type Stage, type StagedSandbox } from './sender-stage.ts';

/** What one round showed of one peer. */
export interface RoundMeasure extends Measure {
  /** The sandbox's CPU time for each message, in microseconds: it shares the machine with the sender. */
  readonly sandboxCpuUs: number;
}

/** All rounds of one latency. */
export interface LatencyMeasures {
  readonly latencyMs: number;
  readonly peers: ReadonlyMap<Peer, readonly RoundMeasure[]>;
}

const WARM_UP_SECONDS = 1.5;
const MIN_LEAD_MS = 500;

/**
 * Measures all peers over TLS at each latency. Each has a process of its own, the sandbox another one. The peers take turns,
 * so that a busy machine affects all of them; each is idle, but warm, while the others send.
 */
export async function measurePeers(
  options: SenderOptions,
  print: (line: string) => void,
): Promise<LatencyMeasures[]> {
  const results: LatencyMeasures[] = [];
  const stage = await openStage();
  try {
    for (const latencyMs of options.latenciesMs) {
      const measures = await measureLatency(stage, latencyMs, options, print);
      results.push({ latencyMs, peers: measures });
    }
  } finally {
    await stage.close();
  }
  return results;
}

async function measureLatency(
  stage: Stage,
  latencyMs: number,
  { tail, rounds, seconds, peers }: SenderOptions,
  print: (line: string) => void,
): Promise<LatencyMeasures['peers']> {
  const sandbox = await stage.startSandbox(latencyMs, tail);
  const runners = peers
    .filter((peer) => peer !== 'h2load' || findH2load() !== null)
    .map((peer) => ({ peer, ...startRunner(stage, sandbox, peer), measures: [] as RoundMeasure[] }));
  const leadMs = Math.max(MIN_LEAD_MS, 3 * latencyMs);
  for (let round = 0; round <= rounds; round++) {
    const isWarmUp = round === 0;
    const period = { leadMs, measureMs: (isWarmUp ? Math.min(seconds, WARM_UP_SECONDS) : seconds) * 1000 };
    for (const { peer, run, measures } of runners) {
      const before = await sandbox.fetchCost();
      const measure = await run(period);
      const after = await sandbox.fetchCost();
      const sandboxCpuUs = (after.cpuUs - before.cpuUs) / (after.accepted - before.accepted);
      if (isWarmUp) continue;
      measures.push({ ...measure, sandboxCpuUs });
      const { messagesPerSecond, cpuUs } = measure;
      print(
        `${latencyMs} ms, round ${round}: ${peer.padEnd(12)} ${messagesPerSecond.toFixed(0).padStart(6)}/s ${cpuUs.toFixed(1).padStart(6)} us CPU`,
      );
    }
  }
  for (const { stop } of runners) stop();
  sandbox.stop();
  return new Map(runners.map(({ peer, measures }) => [peer, measures]));
}

interface Runner {
  readonly run: (period: Period) => Promise<Measure>;
  readonly stop: () => void;
}

function startRunner(stage: Stage, sandbox: StagedSandbox, peer: Peer): Runner {
  if (peer === 'h2load') {
    const fetchAccepted = async (): Promise<number> => (await sandbox.fetchCost()).accepted;
    return {
      run: (period) => runH2load(sandbox.endpoint, stage.folder, period, fetchAccepted),
      stop: () => {},
    };
  }
  const child = stage.start('peers/measure.ts', [peer], sandbox.env);
  return { run: (period) => ask<Measure>(child, period), stop: () => child.kill() };
}
