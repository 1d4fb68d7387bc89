import { countOf, formatDuration } from '../../words.ts';
import { bandsOf, withoutPause } from '../bands.ts';
import { explainReason } from '../reasons.ts';
import { sumReasons } from '../sums.ts';
import { databaseShareOf, type Part, PART_WORDS, PARTS, type TimeUse } from '../timeline.ts';
import { type Cause, terminatedCause } from './cause.ts';
import { chainsOf, isLost, looksTerminated } from './chains.ts';
import type { Facts } from './facts.ts';
import { DATABASE_ERROR } from './failures.ts';

/** A delay that took a smaller share of the time is not worth a person's, unless it left a trace of its own. */
const MIN_SHARE = 0.05;
const MIN_MS = 1000;

/** A brake leaves a trace, and is worth a person's time sooner. */
const MIN_BRAKE_SHARE = 0.01;

/** A hop waits for the database if this share of its sending does. */
const WAITING_SHARE = 0.3;

/** Recording that took longer in all was no slow statement. */
const DOWN_MS = 5000;

/** How MySQL and SQLite say that another session holds a lock for too long. */
const LOCK_ERROR = /lock wait timeout|deadlock|is locked/i;

const HOW_TO_SEE_LOCKS =
  'in MySQL, SHOW PROCESSLIST and SELECT * FROM information_schema.INNODB_TRX name the session while it holds them';

interface Delay extends Cause {
  /** Where the time that it cost is counted. */
  readonly parts: readonly Part[];
  readonly ms: number;
  /** True: a trace of its own shows it, however little time it cost. */
  readonly isCertain: boolean;
}

/** The part of the time, sending aside, that was the largest. */
export interface LargestPart {
  readonly part: Part;
  readonly ms: number;
  readonly says: string;
}

/** `largestPartOf` is the largest part that is not sending itself; null if there was nothing else. */
export function largestPartOf({ parts, wallMs }: TimeUse): LargestPart | null {
  const others = PARTS.filter((part) => part !== 'sending' && parts[part] > 0);
  const [part] = others.toSorted((one, two) => parts[two] - parts[one]);
  if (part === undefined) return null;
  const ms = parts[part];
  return { part, ms, says: `${PART_WORDS[part]} (${formatDuration(ms)} of ${formatDuration(wallMs)})` };
}

/** `findDelays` names what has held an announcement up, the longest first. */
export function findDelays(facts: Facts): Pick<Delay, keyof Cause | 'parts'>[] {
  const { use } = facts;
  if (use === null) return [];
  const delays = [
    ...brakes(facts, use),
    ...pauses(facts, use),
    ...databases(facts, use),
    ...gaps(facts, use),
  ];
  return delays
    .filter(({ ms, isCertain }) => isCertain || ms >= Math.max(MIN_MS, use.wallMs * MIN_SHARE))
    .toSorted((one, two) => two.ms - one.ms)
    .map(({ code, cause, remedy, parts }) => ({ code, cause, remedy, parts }));
}

function brakes(
  { sourceAudit, hops, announcement }: Facts,
  { parts, wallMs, endedAt: wallEnd }: TimeUse,
): Delay[] {
  const throttles = sourceAudit.filter(({ action }) => action === 'throttled');
  const why = longestWhy(sourceAudit, wallEnd);
  const named = sumReasons(hops).find(({ reason }) => why.includes(reason))?.reason ?? 'UNAVAILABLE';
  return [
    {
      code: 'fcm-down',
      parts: ['down'],
      ms: parts.down,
      isCertain: parts.down > wallMs * MIN_BRAKE_SHARE,
      cause: `${why || 'FCM was down'}: the source stopped for ${formatDuration(parts.down)}`,
      remedy: explainReason(named).remedy ?? 'nothing',
    },
    {
      code: 'throttled',
      parts: ['throttled'],
      ms: parts.throttled,
      isCertain: parts.throttled > wallMs * MIN_BRAKE_SHARE,
      cause:
        `FCM throttled the source ${announcement.source} (429) ${countOf(throttles.length, 'time')}: ` +
        `it stopped for ${formatDuration(parts.throttled)}, and went on at half the rate`,
      remedy: explainReason('QUOTA_EXCEEDED').remedy ?? 'nothing',
    },
  ];
}

/** The words for the outage that took longest; empty without one. */
function longestWhy(sourceAudit: Facts['sourceAudit'], endMs: number): string {
  const sums = new Map<string, number>();
  for (const { kind, from, to, why } of bandsOf([], sourceAudit, endMs)) {
    const words = withoutPause(why ?? '');
    if (kind === 'down') sums.set(words, (sums.get(words) ?? 0) + to - from);
  }
  return [...sums].toSorted(([, one], [, two]) => two - one)[0]?.[0] ?? '';
}

function pauses({ audit }: Facts, { parts }: TimeUse): Delay[] {
  const stop = audit.findLast(({ became }) => became === 'paused' || became === 'failed');
  if (stop === undefined) return [];
  const { action, actor, why } = stop;
  return [
    {
      code: 'paused',
      parts: ['paused'],
      ms: parts.paused,
      isCertain: false,
      cause: `it was ${action} by ${actor}${why === null ? '' : `: ${why}`}; that took ${formatDuration(parts.paused)}`,
      remedy: 'nothing: it was resumed',
    },
  ];
}

function databases({ hops }: Facts, { parts }: TimeUse): Delay[] {
  const errors = hops.filter(({ backReason }) => DATABASE_ERROR.test(backReason ?? ''));
  const senders = hops.filter(({ work }) => work.sent > 0);
  const waiting = senders.filter((hop) => databaseShareOf(hop) > WAITING_SHARE);
  const recordMs = waiting.reduce((sum, { work }) => sum + work.recordMs, 0);
  const longestMs = Math.max(0, ...waiting.map(({ work }) => work.recordMs));
  // A slow database slows every hop; one that was down stopped those few that were recording then.
  const isDown =
    errors.length > 0 || (waiting.length > 0 && waiting.length * 2 < senders.length && longestMs >= DOWN_MS);
  if (isDown) {
    const how =
      errors.length > 0
        ? `${countOf(errors.length, 'hop')} ended with its error`
        : 'no answers were recorded';
    return [
      {
        code: 'database-down',
        parts: ['database', 'stalled'],
        ms: Math.max(parts.database, Math.min(longestMs, parts.database + parts.stalled)),
        isCertain: errors.length > 0 || longestMs >= DOWN_MS,
        cause: `the database did not answer for a time: ${how}, and hops waited up to ${formatDuration(longestMs)} to record`,
        remedy: errors.some(({ backReason }) => LOCK_ERROR.test(backReason ?? ''))
          ? `its error says that rows were locked by another session: ${HOW_TO_SEE_LOCKS}; nothing is lost`
          : "look at the database's own log and metrics for a restart, a failover or locks; nothing is lost",
      },
    ];
  }
  return [
    {
      code: 'database-slow',
      parts: ['database'],
      ms: parts.database,
      isCertain: false,
      cause:
        `the database is slow: ${countOf(waiting.length, 'hop')} of ${senders.length} waited for it, ` +
        `${formatDuration(recordMs)} in all to record answers`,
      remedy:
        "look at the database's load and disk (`baton doctor`), and give it more, or lower WINDOW; or another session held " +
        `locks: ${HOW_TO_SEE_LOCKS}`,
    },
  ];
}

/** Invocations that ended before their time, and events that never arrived. */
function gaps({ hops, now }: Facts, { parts }: TimeUse): Delay[] {
  const chains = chainsOf(hops);
  const killed = hops.reduce((sum, { takenOver }) => sum + takenOver, 0);
  const lost = hops.filter((hop) => hop.round === 0 && isLost(hop, now)).length;
  if (killed + lost === 0) return [];
  if (killed === 0 && looksTerminated(chains, now)) {
    return [{ ...terminatedCause(null), parts: ['stalled'], ms: parts.stalled, isCertain: true }];
  }
  const cost = `it stood still for ${formatDuration(parts.stalled)}`;
  const all: Delay[] = [
    {
      code: 'killed',
      parts: ['stalled'],
      ms: killed === 0 ? 0 : parts.stalled,
      isCertain: killed > 0,
      cause: `${countOf(killed, 'invocation')} ended without giving the hop back (killed, out of memory or timed out); ${cost}`,
      remedy:
        "look for `Task timed out` and `Runtime exited` in the function's log; raise its memory or its time-out",
    },
    {
      code: 'lost-events',
      parts: ['stalled'],
      ms: lost === 0 ? 0 : parts.stalled,
      isCertain: lost > 0,
      cause: `${countOf(lost, 'event')} did not reach the function, and the tick woke the hops instead; ${cost}`,
      remedy:
        "look at the function's asynchronous events: throttles (concurrency), errors of Invoke in its log, and the dead-letter queue",
    },
  ];
  return all.filter(({ isCertain }) => isCertain).toSorted((one, two) => weigh(two) - weigh(one));

  function weigh({ code }: Delay): number {
    return code === 'killed' ? killed : lost;
  }
}
