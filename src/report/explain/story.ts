import type { AuditEntry } from '../../model/audit.ts';
import { type HopSummary, isInterrupted, wakeUpsOf } from '../../model/summary.ts';
import { countOf, formatClock, formatCount, formatDuration, onOneLine } from '../../words.ts';
import { bandsOf, withoutPause } from '../bands.ts';
import { firstOpenedOf } from '../sums.ts';
import type { Span } from '../timeline.ts';
import type { Facts } from './facts.ts';

/** Something that happened to an announcement. Times are milliseconds since the epoch. */
export interface StoryEvent {
  readonly at: number;
  readonly says: string;
}

/** A story has at most so many events: what is cut is counted. */
const MAX_EVENTS = 40;

/** Of one kind, the first and the last few are shown. */
const MAX_OF_A_KIND = 8;

/** A gap that is shorter is not shown. */
const MIN_GAP_MS = 1000;

/** `tellStory` lists what happened to an announcement, in order of time. */
export function tellStory(facts: Facts): StoryEvent[] {
  // Of things at the same time, the start comes first, and the end last.
  const events = [
    ...some(changesIn(facts.audit.filter((entry) => !isStop(entry)))),
    ...some(brakesOf(facts)),
    ...some(gapsOf(facts.use?.spans ?? [])),
    ...some(repeatsIn(facts.hops)),
    ...roundsOf(facts),
    ...progressOf(facts.hops),
    ...some(changesIn(facts.audit.filter(isStop))),
  ].toSorted((one, two) => one.at - two.at);
  if (events.length <= MAX_EVENTS) return events;
  const cut = events.length - MAX_EVENTS + 1;
  const middle = MAX_EVENTS / 2;
  const last = events.slice(middle + cut);
  return [
    ...events.slice(0, middle),
    { at: events[middle]?.at ?? 0, says: `(${countOf(cut, 'event')} left out)` },
    ...last,
  ];
}

/** The first and the last few events of a kind, and the number of those between them. */
function some(events: readonly StoryEvent[]): StoryEvent[] {
  if (events.length <= MAX_OF_A_KIND) return [...events];
  const half = MAX_OF_A_KIND / 2;
  const cut = events.slice(half, -half);
  const at = cut[0]?.at ?? 0;
  return [
    ...events.slice(0, half),
    { at, says: `(and ${cut.length} more like this)` },
    ...events.slice(-half),
  ];
}

/** True for what stops a running announcement, or ends it. */
function isStop({ was, became }: AuditEntry): boolean {
  return was !== null && became !== null && became !== 'running' && became !== 'scheduled';
}

function changesIn(audit: readonly AuditEntry[]): StoryEvent[] {
  return audit.map(({ at, action, actor, why }) => ({
    at,
    says: `${action} by ${onOneLine(actor)}${why === null ? '' : `: ${onOneLine(why)}`}`,
  }));
}

/** Brakes that follow each other at once are one: each failed probe of an outage is a brake. */
function brakesOf({ sourceAudit, use }: Facts): StoryEvent[] {
  if (use === null) return [];
  const merged: { kind: string; from: number; to: number; why: string; times: number }[] = [];
  for (const { kind, from, to, why } of bandsOf([], sourceAudit, use.endedAt)) {
    if (to <= use.startedAt) continue;
    const last = merged.at(-1);
    if (last?.kind === kind && from <= last.to) {
      last.to = to;
      last.times++;
    } else merged.push({ kind, from, to, why: withoutPause(why ?? kind), times: 1 });
  }
  return merged.map(({ kind, from, to, why, times }) => ({
    at: from,
    says:
      `${kind === 'down' ? why : `FCM throttled the source (${why})`}: it stopped for ${formatDuration(to - from)}, ` +
      `until ${formatClock(to)}${times === 1 ? '' : `, after ${times} brakes`}`,
  }));
}

function gapsOf(spans: readonly Span[]): StoryEvent[] {
  return spans
    .filter(({ part, from, to }) => part === 'stalled' && to - from >= MIN_GAP_MS)
    .map(({ from, to }) => ({ at: from, says: `nothing worked on it for ${formatDuration(to - from)}` }));
}

function repeatsIn(hops: readonly HopSummary[]): StoryEvent[] {
  return hops
    .filter((hop) => isInterrupted(hop))
    .map((hop) => ({ at: hop.openedAt ?? hop.claimedAt ?? hop.plantedAt, says: describeRepeat(hop) }));
}

function describeRepeat(hop: HopSummary): string {
  const { round, fromId, takenOver, givenBack, backReason, closedAt } = hop;
  const woken = wakeUpsOf(hop);
  const parts = [
    ...(takenOver > 0 ? [`taken over ${countOf(takenOver, 'time')}`] : []),
    ...(givenBack > 0 ? [`given back ${countOf(givenBack, 'time')}`] : []),
    ...(woken > 0 ? [`woken by the tick ${countOf(woken, 'time')}`] : []),
  ];
  const why = backReason === null ? '' : ` (${onOneLine(backReason).slice(0, 160)})`;
  const end = closedAt === null ? 'still open' : `closed at ${formatClock(closedAt)}`;
  return `the hop at ${fromId}${round === 0 ? '' : `, round ${round},`} was ${parts.join(', ')}${why}; ${end}`;
}

function roundsOf({ hops }: Facts): StoryEvent[] {
  const rounds = Map.groupBy(
    hops.filter(({ round }) => round > 0),
    ({ round }) => round,
  );
  return Array.from(rounds, ([round, group]) => {
    const beganAt = firstOpenedOf(group);
    const at = beganAt ?? Math.min(...group.map(({ plantedAt }) => plantedAt));
    const pushes = group.reduce((sum, { devices }) => sum + (devices ?? 0), 0);
    const says =
      beganAt !== null
        ? `retry round ${round} began, with ${formatCount(pushes)} pushes`
        : `retry round ${round} was planted, due at ${formatClock(group[0]?.leaseUntil ?? at)}`;
    return { at, says };
  });
}

/** When the first slot opened, and when a half and all of the pages were done. */
function progressOf(hops: readonly HopSummary[]): StoryEvent[] {
  const broad = hops.filter(({ round }) => round === 0);
  const openedAt = firstOpenedOf(broad);
  const closed = broad.flatMap(({ closedAt }) => closedAt ?? []).toSorted((one, two) => one - two);
  const isRead = broad.length > 0 && broad.every(({ nextId, lastId }) => nextId !== null || lastId !== null);
  const half = closed[Math.ceil(broad.length / 2) - 1];
  const last = closed.length === broad.length ? closed.at(-1) : undefined;
  const pages = countOf(broad.length, 'page');
  return [
    ...(openedAt === null ? [] : [{ at: openedAt, says: 'the first slot opened, and sending began' }]),
    ...(isRead && broad.length > 3 && half !== undefined
      ? [{ at: half, says: `half of the ${pages} were done` }]
      : []),
    ...(isRead && last !== undefined ? [{ at: last, says: `all of the ${pages} were done` }] : []),
  ];
}
