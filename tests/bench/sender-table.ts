import { type Peer, PEER_TITLES, PEERS } from './peers/peer.ts';
import type { LatencyMeasures, RoundMeasure } from './sender-peers.ts';

/** Figures of two peers that differ by less count as equal: so much do rounds of one peer differ. */
const TIE = 0.03;

/** A user cannot pick h2load: it has no programming interface, no credentials and no answers. */
const NO_CHOICE: readonly Peer[] = ['h2load'];

const COLUMNS = [
  'sender',
  'messages a second',
  "of Baton's",
  'CPU a message',
  "of Baton's",
  'peak memory',
  "sandbox's core in use",
];

/** The results of one latency as a Markdown table; medians of all rounds, ratios taken within each round. */
export function peerTable({ peers }: LatencyMeasures): string {
  const baton = peers.get('baton') ?? [];
  const rows = PEERS.map((peer) => rowOf(peer, peers.get(peer) ?? [], baton));
  return [COLUMNS, COLUMNS.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function rowOf(peer: Peer, rounds: readonly RoundMeasure[], baton: readonly RoundMeasure[]): string[] {
  const title = PEER_TITLES[peer];
  if (rounds.length === 0) return [title, 'not measured', '', '', '', '', ''];
  const busy = median(rounds.map((each) => (each.messagesPerSecond * each.sandboxCpuUs) / 1e6));
  return [
    title,
    median(rounds.map(({ messagesPerSecond }) => messagesPerSecond)).toFixed(0),
    formatRatio(ratioOf(rounds, baton, 'messagesPerSecond')),
    `${median(rounds.map(({ cpuUs }) => cpuUs)).toFixed(1)} µs`,
    formatRatio(ratioOf(rounds, baton, 'cpuUs')),
    `${Math.max(...rounds.map(({ peakMb }) => peakMb)).toFixed(0)} MB`,
    `${(busy * 100).toFixed(0)}%`,
  ];
}

/** Says whether Baton is the first of those that a user could pick, and if not, who is before it. */
export function judgeBaton({ latencyMs, peers }: LatencyMeasures): { isFirst: boolean; sentence: string } {
  const baton = peers.get('baton') ?? [];
  if (baton.length === 0) return { isFirst: true, sentence: 'Baton was not measured.' };
  const before = (figure: 'messagesPerSecond' | 'cpuUs', isBefore: (ratio: number) => boolean): string[] =>
    PEERS.filter((peer) => peer !== 'baton' && !NO_CHOICE.includes(peer))
      .map((peer) => ({ peer, ratio: ratioOf(peers.get(peer) ?? [], baton, figure) }))
      .filter(({ ratio }) => isBefore(ratio))
      .map(({ peer, ratio }) => `${PEER_TITLES[peer]} (${formatRatio(ratio)})`);
  const faster = before('messagesPerSecond', (ratio) => ratio > 1 + TIE);
  const leaner = before('cpuUs', (ratio) => ratio < 1 - TIE);
  const parts = [
    ['messages a second', faster],
    ['CPU a message', leaner],
  ].map(([what, peersBefore]) =>
    peersBefore?.length
      ? `not first in ${String(what)}: ${[peersBefore].flat().join(', ')}`
      : `first in ${String(what)}`,
  );
  return {
    isFirst: faster.length + leaner.length === 0,
    sentence: `At ${latencyMs} ms, of those that a user could pick, Baton is ${parts.join('; ')}.`,
  };
}

function ratioOf(
  rounds: readonly RoundMeasure[],
  base: readonly RoundMeasure[],
  figure: 'messagesPerSecond' | 'cpuUs',
): number {
  return median(rounds.map((each, nth) => each[figure] / (base[nth]?.[figure] ?? Number.NaN)));
}

function formatRatio(ratio: number): string {
  return Number.isNaN(ratio) ? '' : ratio.toFixed(2);
}

/** The middle value, or the mean of the middle two; NaN if there is no value. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low = Number.NaN, high = Number.NaN] = [
    sorted[Math.ceil(sorted.length / 2) - 1],
    sorted[Math.floor(sorted.length / 2)],
  ];
  return (low + high) / 2;
}
