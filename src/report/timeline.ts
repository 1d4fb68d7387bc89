import type { PaceConfig } from '../config/config.ts';
import type { AuditEntry } from '../model/audit.ts';
import type { HopSummary } from '../model/summary.ts';
import { type Band, bandsOf } from './bands.ts';
import { type Ramp, type RampInput, rampsOf } from './ramps.ts';
import { type Stretch, stretchesOf } from './stretches.ts';

/** What an announcement's time can go into, with words for a person. */
export const PART_WORDS = {
  sending: "sending, and waiting for FCM's answers",
  budget: "held to the source's budget",
  ramp: 'held to the ramp of the budget',
  throttled: 'stopped: FCM throttled the source',
  down: 'stopped: FCM was down',
  paused: 'paused or failed, until it was resumed',
  database: 'waiting for the database',
  retries: 'waiting until retries were due',
  starting: 'starting invocations',
  stalled: 'stalled: no invocation worked on it',
} as const;
export type Part = keyof typeof PART_WORDS;
export const PARTS = Object.keys(PART_WORDS) as readonly Part[];

/** A stretch of time that went mostly into one part. Times are milliseconds since the epoch. */
export interface Span {
  readonly part: Part;
  readonly from: number;
  readonly to: number;
}

/** Where the time of an announcement went. */
export interface TimeUse {
  readonly startedAt: number;
  /** When it ended, or now. */
  readonly endedAt: number;
  readonly wallMs: number;
  /** Milliseconds by part; their sum is `wallMs`. */
  readonly parts: Readonly<Record<Part, number>>;
  /** The parts in order of time, without gaps. */
  readonly spans: readonly Span[];
}

export interface TimelineInput extends RampInput {
  /** The entries about the announcement, the earliest first. */
  readonly audit: readonly AuditEntry[];
  /** The entries about its source, the earliest first. */
  readonly sourceAudit: readonly AuditEntry[];
  readonly startedAt: number;
  /** When the announcement ended, or now. */
  readonly endedAt: number;
}

/** A budget that is used to this share limits the speed. */
const FULL_SHARE = 0.85;

/** Recording of so many pushes takes the database this long where it is well. */
const PUSHES_PER_RECORDING = 500;
const RECORDING_MS = 100;

/**
 * `partsOf` says where the time of an announcement went. Many hops work at a time, so each moment is given to what the
 * furthest of them did: what sends counts before what waits. A stop of the source or of the announcement counts before all.
 * A moment in which no hop did anything is `stalled`.
 */
export function partsOf(input: TimelineInput): TimeUse {
  const { startedAt, endedAt, pace } = input;
  const bands = bandsOf(input.audit, input.sourceAudit, endedAt);
  const ramps = rampsOf(input, bands);
  const stretches = input.hops.flatMap((hop) => stretchesOf(hop, endedAt));
  const parts = Object.fromEntries(PARTS.map((part) => [part, 0])) as Record<Part, number>;
  const spans: Span[] = [];
  for (const { from, to, active } of sweep([...bands, ...ramps, ...stretches], startedAt, endedAt)) {
    const { part, databaseShare } = judge(active, pace, (from + to) / 2);
    const databaseMs = (to - from) * databaseShare;
    parts[part] += to - from - databaseMs;
    parts.database += databaseMs;
    const named = databaseShare > 0.5 ? 'database' : part;
    const last = spans.at(-1);
    if (last?.part === named) spans[spans.length - 1] = { ...last, to };
    else spans.push({ part: named, from, to });
  }
  return { startedAt, endedAt, wallMs: Math.max(0, endedAt - startedAt), parts, spans };
}

type Interval = Band | Ramp | Stretch;

interface Moment {
  readonly from: number;
  readonly to: number;
  readonly active: ReadonlySet<Interval>;
}

/** Divides the time at the ends of all intervals, and says which of them cover each part of it. */
function* sweep(intervals: readonly Interval[], startMs: number, endMs: number): Generator<Moment> {
  const edges = intervals
    .flatMap((interval) => [
      { at: clamp(interval.from, startMs, endMs), interval, begins: true },
      { at: clamp(interval.to, startMs, endMs), interval, begins: false },
    ])
    .toSorted((one, two) => one.at - two.at);
  const active = new Set<Interval>();
  let from = startMs;
  for (const { at, interval, begins } of edges) {
    if (at > from) yield { from, to: at, active };
    from = Math.max(from, at);
    if (begins && interval.to > startMs && interval.from < endMs) active.add(interval);
    else active.delete(interval);
  }
  if (endMs > from) yield { from, to: endMs, active };
}

function judge(
  active: ReadonlySet<Interval>,
  { perMinute }: PaceConfig,
  at: number,
): { readonly part: Part; readonly databaseShare: number } {
  const all = (part: Part) => ({ part, databaseShare: 0 });
  const kinds = new Set(Array.from(active, (interval) => kindOf(interval)));
  if (kinds.has('paused')) return all('paused');
  if (kinds.has('down')) return all('down');
  if (kinds.has('throttled')) return all('throttled');
  const senders = Array.from(active).flatMap((interval) =>
    'activity' in interval && interval.activity === 'sending' ? [interval.hop] : [],
  );
  if (senders.length > 0) {
    const databaseShare = meanOf(senders.map(databaseShareOf));
    const perMs = senders.reduce((sum, { work }) => sum + work.sent / Math.max(1, work.sendMs), 0);
    const ramp = Array.from(active).find((interval) => 'fullAt' in interval);
    const rampShare = ramp === undefined ? 1 : (at - ramp.from) / (ramp.fullAt - ramp.from);
    const isFull = perMs * 60_000 >= perMinute * rampShare * FULL_SHARE;
    if (!isFull && !kinds.has('waiting')) return { part: 'sending', databaseShare };
    return { part: ramp === undefined ? 'budget' : 'ramp', databaseShare };
  }
  if (kinds.has('waiting')) return all(kinds.has('ramp') ? 'ramp' : 'budget');
  if (kinds.has('reading')) return all('database');
  if (kinds.has('retries')) return all('retries');
  return all(kinds.has('starting') ? 'starting' : 'stalled');
}

function kindOf(interval: Interval): Band['kind'] | Ramp['kind'] | Stretch['activity'] {
  return 'activity' in interval ? interval.activity : interval.kind;
}

/** The share of a hop's sending in which it waited for the database for longer than usual. */
export function databaseShareOf({ work }: Pick<HopSummary, 'work'>): number {
  const usualMs = (1 + work.sent / PUSHES_PER_RECORDING) * RECORDING_MS;
  return clamp((work.recordMs - usualMs) / Math.max(1, work.sendMs), 0, 1);
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}

function meanOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
}
