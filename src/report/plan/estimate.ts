import type { PaceConfig } from '../../config/config.ts';
import type { Budget } from '../../model/budget.ts';
import { planSlot } from '../../pace/slot.ts';

/** Milliseconds from the opening of a hop's slot until the next hop asks for its own: an invocation, a claim, a page. */
const HAND_OVER_MS = 100;

/** Milliseconds of the first invocation before it asks for a slot: the start of the announcement. */
const START_MS = 300;

/** Milliseconds in which a hop records its last answers and is closed. */
const CLOSE_MS = 150;

/** The last answers to a page take about so many times the mean: of 3000 log-normal answer times, the longest. */
const LAST_ANSWER = 4;

/** Most answers to a canary arrive within so many times the mean. */
const CANARY_ANSWER = 2;

/** Pages are taken together where there are more: the time for so many is exact enough. */
const MAX_STEPS = 20_000;

/** An announcement that shares the budget of its source. Times are in milliseconds from the planned start. */
export interface Rival {
  readonly startsInMs: number;
  readonly pushes: number;
  readonly lanes: number;
}

/** What the time that an announcement takes depends on. */
export interface Conditions {
  readonly pushes: number;
  readonly lanes: number;
  readonly pageSize: number;
  readonly batchSize: number;
  readonly maxWindow: number;
  /** Invocations that may run at the same time; 0: no limit. */
  readonly concurrency: number;
  readonly pace: PaceConfig;
  /** FCM's mean time to an answer. */
  readonly answerMs: number;
  /** The source's budget at the planned start. */
  readonly budget: Pick<Budget, 'freeInMs' | 'spreadInMs' | 'rampAgeMs'>;
  readonly rivals: readonly Rival[];
}

/** What an announcement is expected to take. Times are in milliseconds from the planned start. */
export interface Estimate {
  readonly hops: number;
  readonly opensInMs: number;
  /** Until it is done, if no push has to be retried. */
  readonly durationMs: number;
  /** Invocations of the announcement at the same time, the one that waits for its slot included. */
  readonly peakConcurrency: number;
  /** Pushes without an answer at the same time (Little's law: the rate times the answer time). */
  readonly peakInFlight: number;
  /** The time of all its invocations together. */
  readonly busyMs: number;
}

interface Chain {
  left: number;
  readonly lanes: number;
  /** When the announcement's slots have opened, the latest last. */
  readonly opened: number[];
  asksAt: number;
}

interface HopTime {
  readonly from: number;
  readonly to: number;
}

/**
 * Estimates how long an announcement takes: it reserves slot after slot as its hops will, each at the time at which its hop
 * will ask, and lets other announcements of the source take turns with it.
 */
export function estimate(conditions: Conditions): Estimate {
  const { pushes, lanes, maxWindow, pace, answerMs, budget, rivals } = conditions;
  const pageSize = Math.max(conditions.pageSize, Math.ceil(pushes / MAX_STEPS));
  const own: Chain = { left: pushes, lanes, opened: [], asksAt: START_MS };
  const chains = [own, ...rivals.map((rival) => chainOf(rival))];
  const places = new Places(conditions.concurrency);
  let takenUntil = budget.freeInMs;
  let spreadUntil = budget.spreadInMs;
  let rampFrom = -budget.rampAgeMs;
  let peakRate = 0;
  const hops: HopTime[] = [];
  // An announcement to nobody has one hop, which finds an empty page and asks for no slot.
  if (pushes === 0) hops.push({ from: 0, to: START_MS + CLOSE_MS });
  while (own.left > 0) {
    const chain = nextOf(chains, own);
    const from = Math.max(chain.asksAt, places.freeAt());
    const size = Math.min(pageSize, chain.left);
    const slot = planSlot(
      {
        freeInMs: takenUntil - from,
        spreadInMs: spreadUntil - from,
        urgentInMs: 0,
        rampAgeMs: from - rampFrom,
        answerMs,
      },
      size,
      pace,
      { maxWindow },
    );
    if (slot.startsRamp) rampFrom = from;
    const opensAt = from + slot.waitMs;
    takenUntil = opensAt + slot.takenMs;
    spreadUntil = Math.max(spreadUntil, opensAt + slot.spreadMs);
    const to = opensAt + slot.spreadMs + LAST_ANSWER * answerMs + CLOSE_MS;
    places.take(to);
    chain.left -= size;
    chain.asksAt = asksNextAt(
      chain,
      opensAt,
      (slot.spreadMs * Math.min(conditions.batchSize, size)) / size,
      answerMs,
    );
    if (chain !== own) continue;
    peakRate = Math.max(peakRate, size / slot.takenMs);
    hops.push({ from, to });
  }
  return {
    hops: Math.max(1, Math.ceil(pushes / conditions.pageSize)),
    opensInMs: own.opened[0] ?? 0,
    durationMs: Math.max(...boundsOf(hops)),
    peakConcurrency: countOverlaps(hops),
    peakInFlight: Math.ceil(peakRate * answerMs),
    busyMs: hops.reduce((sum, { from, to }) => sum + to - from, 0),
  };
}

function chainOf({ startsInMs, pushes, lanes }: Rival): Chain {
  return { left: pushes, lanes, opened: [], asksAt: startsInMs + START_MS };
}

/** The announcement whose hop asks next; of two at the same time, the other one's. */
function nextOf(chains: readonly Chain[], own: Chain): Chain {
  let next = own;
  for (const chain of chains) if (chain.left > 0 && chain.asksAt < next.asksAt) next = chain;
  return next;
}

/**
 * When the announcement asks for its next slot: once its last one has opened, and the hop of the lane whose turn it is has
 * been invoked. The first hop waits for the answers to its canary before it invokes another.
 */
function asksNextAt({ opened, lanes }: Chain, opensAt: number, canaryMs: number, answerMs: number): number {
  opened.push(opensAt);
  const [first = opensAt] = opened;
  const judgedAt = opened.length === 1 ? first + canaryMs + CANARY_ANSWER * answerMs : 0;
  const before = opened[Math.max(0, opened.length - lanes)] ?? opensAt;
  return Math.max(opensAt, judgedAt + HAND_OVER_MS, before + HAND_OVER_MS);
}

/** The places for invocations, if their number is limited. */
class Places {
  readonly #count: number;
  /** When the invocations that hold a place end, the earliest first. */
  readonly #ends: number[] = [];

  constructor(count: number) {
    this.#count = count;
  }

  /** When an invocation can begin. */
  freeAt(): number {
    if (this.#count === 0 || this.#ends.length < this.#count) return 0;
    return this.#ends.shift() ?? 0;
  }

  take(until: number): void {
    if (this.#count === 0) return;
    const index = this.#ends.findLastIndex((end) => end <= until) + 1;
    this.#ends.splice(index, 0, until);
  }
}

function boundsOf(hops: readonly HopTime[]): [number, number] {
  return hops.reduce(([low, high], { from, to }) => [Math.min(low, from), Math.max(high, to)], [0, 0]);
}

/** The most hops at the same time. */
function countOverlaps(hops: readonly HopTime[]): number {
  const changes = hops
    .flatMap(({ from, to }) => [
      { at: from, by: 1 },
      { at: to, by: -1 },
    ])
    .toSorted((one, other) => one.at - other.at || one.by - other.by);
  let [count, peak] = [0, 0];
  for (const { by } of changes) peak = Math.max(peak, (count += by));
  return peak;
}
