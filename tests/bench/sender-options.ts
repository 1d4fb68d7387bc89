import { parseArgs } from 'node:util';
import { PEERS, type Peer } from './peers/peer.ts';
import type { Tail } from '../../src/rehearsal/fcm/latency.ts';

export interface SenderOptions {
  /** Median answer times of FCM, each with a table of its own. */
  readonly latenciesMs: readonly number[];
  readonly tail: Tail;
  readonly rounds: number;
  /** How long each peer is measured in each round. */
  readonly seconds: number;
  readonly peers: readonly Peer[];
  /** Whether to measure the CPU time that the sender may take, against its limits. */
  readonly hasLimits: boolean;
  /** Whether to write the results into docs/benchmarks.md. */
  readonly writes: boolean;
}

/** Parses what follows `npm run bench -- sender`. */
export function parseSenderOptions(args: readonly string[]): SenderOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      latency: { type: 'string', default: '20,80,300' },
      tail: { type: 'string', default: '0.002:2000' },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '2.5' },
      peers: { type: 'string', default: PEERS.join(',') },
      'no-limits': { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
    },
  });
  const [share = '', ms = ''] = values.tail.split(':');
  return {
    latenciesMs: values.latency.split(',').map((text) => parseNumber('--latency', text, 60_000)),
    tail: { share: parseNumber('--tail SHARE:MS', share, 1), ms: parseNumber('--tail SHARE:MS', ms, 60_000) },
    rounds: parseRounds(values.rounds),
    seconds: parseNumber('--seconds', values.seconds, 600),
    peers: values.peers.split(',').map(parsePeer),
    hasLimits: !values['no-limits'],
    writes: values.write,
  };
}

function parseNumber(field: string, text: string, max: number): number {
  const number = text.trim() === '' ? Number.NaN : Number(text);
  if (number >= 0 && number <= max) return number;
  throw new Error(`${field}: expected a number from 0 to ${max}, got ${text}`);
}

function parseRounds(text: string): number {
  const rounds = Number(text);
  if (Number.isInteger(rounds) && rounds >= 1) return rounds;
  throw new Error(`--rounds: expected a whole number from 1 on, got ${text}`);
}

function parsePeer(name: string): Peer {
  const peer = PEERS.find((each) => each === name);
  if (peer) return peer;
  throw new Error(`--peers: expected names of ${PEERS.join(', ')}, got ${name}`);
}
