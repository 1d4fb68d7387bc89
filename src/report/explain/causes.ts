import { audienceIn, waitsForApproval } from '../../broadcast/may-start.ts';
import { type Announcement, isSeries } from '../../model/announcement.ts';
import type { AuditEntry } from '../../model/audit.ts';
import { countOf, formatCount, formatTime, formatDuration, onOneLine } from '../../words.ts';
import { explainReason } from '../reasons.ts';
import { sumReasons } from '../sums.ts';
import type { Part } from '../timeline.ts';
import { findBlock } from './blocks.ts';
import { type Cause, describeTick, TICK_REMEDY } from './cause.ts';
import { findDelays, largestPartOf } from './delays.ts';
import type { Facts } from './facts.ts';
import { failedCause } from './failures.ts';

/** If a larger share of the pushes failed, that is what a person asks about first. */
const FAILED_SHARE = 0.2;

/** `findCause` names what holds an announcement up, or what has held it up for longest. */
export function findCause(facts: Facts): Cause {
  const { status } = facts.announcement;
  switch (status) {
    case 'draft':
    case 'scheduled':
      return notStarted(facts);
    case 'failed':
      return failedCause(facts);
    case 'paused':
    case 'cancelled':
      return endedBy(facts, status);
    case 'running':
      return findBlock(facts) ?? delayOf(facts) ?? limitOf(facts);
    case 'done':
      return failuresOf(facts) ?? delayOf(facts) ?? limitOf(facts);
  }
}

function notStarted({ announcement, times, now, tickAgeMs }: Facts): Cause {
  const { announcementId, status, problem } = announcement;
  if (problem !== null) {
    return {
      code: 'not-sendable',
      cause: `its row cannot be sent: ${problem}`,
      remedy: 'correct the row in push_announcement',
    };
  }
  if (status === 'draft') {
    return {
      code: 'not-scheduled',
      cause: 'nobody has scheduled or started it',
      remedy: `start it: \`baton push --announcement ${announcementId}\``,
    };
  }
  if (times.publishAt === null && !isSeries(announcement)) {
    return {
      code: 'not-scheduled',
      cause: 'it is scheduled for no time: its column publish_at is NULL',
      remedy: `set publish_at, or start it: \`baton push --announcement ${announcementId}\``,
    };
  }
  const dueAt = times.publishAt ?? now;
  if (dueAt > now) {
    const cause = `it is due at ${formatTime(dueAt)} UTC`;
    return { code: 'not-due', cause, remedy: 'nothing: the first tick after that time starts it' };
  }
  return {
    code: 'no-tick',
    cause: `it was due at ${formatTime(dueAt)} UTC, and ${describeTick(tickAgeMs)}`,
    remedy: TICK_REMEDY,
  };
}

function endedBy({ announcement, audit }: Facts, status: 'paused' | 'cancelled'): Cause {
  const entry = audit.findLast(({ became }) => became === status);
  const cause = entry
    ? describeChange(entry)
    : `its row says so: ${announcement.statusReason ?? 'no reason is given'}`;
  const remedy =
    status === 'paused' ? remedyOf(announcement) : 'nothing continues it; make a new announcement';
  return { code: status, cause, remedy };
}

/** What continues a paused announcement. */
function remedyOf(announcement: Announcement): string {
  const { announcementId, statusReason } = announcement;
  const resume = `\`baton resume ${announcementId}\``;
  const approve = `\`baton approve ${announcementId}\` by a second person`;
  const isUnexpected = audienceIn(statusReason) !== null;
  if (waitsForApproval(announcement)) {
    return isUnexpected ? `${approve}, and then ${resume}` : approve;
  }
  return isUnexpected
    ? `if the audience is meant to be so large, ${resume} accepts it`
    : `${resume} continues it where it stopped`;
}

function describeChange({ action, actor, at, why }: AuditEntry): string {
  return `${action} by ${onOneLine(actor)} at ${formatTime(at)} UTC${why === null ? '' : `: ${onOneLine(why)}`}`;
}

/** What a person asks about if much of the audience was not reached. */
function failuresOf({ totals, hops }: Facts): Cause | null {
  const { delivered, unregistered, rejected, unknown, misconfigured } = totals.counts;
  const failed = unregistered + rejected + unknown + misconfigured;
  const [first] = sumReasons(hops);
  if (first === undefined || failed <= (delivered + failed) * FAILED_SHARE) return null;
  const { meaning, remedy } = explainReason(first.reason);
  return {
    code: 'failures',
    cause: `${formatCount(failed)} of ${formatCount(delivered + failed)} pushes failed, most of them because ${meaning} (${first.reason})`,
    remedy: remedy ?? 'nothing',
  };
}

/** What has gone wrong and cost the most time; and what else took more of it, if anything did. */
function delayOf(facts: Facts): Cause | null {
  const [delay] = findDelays(facts);
  if (delay === undefined) return null;
  const { code, cause, remedy, parts } = delay;
  const largest = facts.use === null ? null : largestPartOf(facts.use);
  const isLargest = largest === null || parts.includes(largest.part);
  return {
    code,
    cause: isLargest ? cause : `${cause}; more of the time went elsewhere: ${largest.says}`,
    remedy,
  };
}

/** Nothing has gone wrong: what has set the pace. */
function limitOf({ use, pace, announcement }: Facts): Cause {
  const isDone = announcement.status === 'done';
  const set = isDone ? 'set' : 'sets';
  const remedy = isDone ? 'nothing is wrong' : 'nothing: it goes on by itself';
  const quota = `the budget of ${formatCount(pace.perMinute)} messages a minute`;
  switch (longestOf(use)) {
    case 'ramp':
      return {
        code: 'ramp',
        cause: `the ramp to ${quota} ${set} the pace`,
        remedy: `${remedy}: FCM asks for a ramp of a minute (FCM_RAMP_SECONDS)`,
      };
    case 'budget':
      return {
        code: 'budget',
        cause: `${quota} ${set} the pace`,
        remedy: `${remedy}; if the project's quota is higher, raise FCM_MESSAGES_PER_MINUTE`,
      };
    case 'retries':
      return { code: 'retries', cause: 'it waited for retries that FCM asked for', remedy };
    case 'sending':
    case 'throttled':
    case 'down':
    case 'paused':
    case 'database':
    case 'starting':
    case 'stalled':
    case null:
      return { code: 'nothing', cause: `nothing held it up: FCM's answers ${set} the pace`, remedy };
  }
}

function longestOf(use: Facts['use']): Part | null {
  if (use === null) return null;
  const parts = Object.entries(use.parts) as [Part, number][];
  return parts.toSorted(([, one], [, two]) => two - one)[0]?.[0] ?? null;
}

/** `describeState` says how far an announcement is. */
export function describeState({ announcement, times, totals, use, now }: Facts): string {
  const { announcementId, status, dryRun } = announcement;
  const { audience, counts } = totals;
  const name = `announcement ${announcementId} is ${status}${dryRun ? ' (dry run)' : ''}`;
  if (times.startedAt === null || use === null) return name;
  const size = audience === null ? '' : ` of ${countOf(audience.devices, 'push', 'pushes')}`;
  const isOver = times.finishedAt !== null;
  const since = isOver
    ? `in ${formatDuration(use.wallMs)}`
    : `${formatDuration(now - times.startedAt)} after its start`;
  return `${name}: ${formatCount(counts.delivered)}${size} delivered ${since} (started ${formatTime(times.startedAt)} UTC)`;
}
