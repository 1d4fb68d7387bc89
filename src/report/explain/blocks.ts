import { stopOf } from '../../model/budget.ts';
import { isTickLate } from '../../model/tick.ts';
import { countOf, formatClock } from '../../words.ts';
import { withoutUntil } from '../bands.ts';
import { explainReason } from '../reasons.ts';
import { sumReasons } from '../sums.ts';
import { type Cause, describeTick, terminatedCause, TICK_REMEDY } from './cause.ts';
import { chainsOf, isDead, isLost, looksTerminated } from './chains.ts';
import type { Facts } from './facts.ts';
import { DATABASE_ERROR } from './failures.ts';

/** `findBlock` names what a running announcement waits for now; null if it makes progress. */
export function findBlock(facts: Facts): Cause | null {
  return findBrake(facts) ?? findDead(facts);
}

function findBrake({ budget, now, hops, announcement, sourceAudit }: Facts): Cause | null {
  const stop = budget === null ? null : stopOf(budget);
  if (budget === null || stop === null) return null;
  const until = `${formatClock(now + Math.max(0, budget.brakeMs))} UTC`;
  const why = withoutUntil(announcement.statusReason ?? sourceAudit.at(-1)?.why ?? '');
  const named =
    sumReasons(hops).find(({ reason }) => why.includes(reason))?.reason ?? /\((\w+)/.exec(why)?.[1];
  if (stop === 'down') {
    const remedy = named === undefined ? null : explainReason(named).remedy;
    return {
      code: 'fcm-down',
      cause: `${why}; Baton probes it again at ${until}, after ${countOf(budget.outages, 'failed probe')}`,
      remedy: remedy ?? explainReason('UNAVAILABLE').remedy ?? 'nothing',
    };
  }
  return {
    code: 'throttled',
    cause: `FCM throttles the source ${announcement.source} (429): it goes on at ${until}, with half the rate`,
    remedy: `nothing now; if it happens often, ${explainReason('QUOTA_EXCEEDED').remedy}`,
  };
}

/** What a chain waits for whose hop nothing works on. */
function findDead(facts: Facts): Cause | null {
  const { hops, now, lambda, tickAgeMs } = facts;
  const dead = hops.filter((hop) => isDead(hop, now));
  const isTicking = !isTickLate(tickAgeMs);
  if (lambda?.reservedConcurrency === 0) return notInvoked('its reserved concurrency is 0');
  if (dead.length === 0) return null;
  const chains = chainsOf(hops);
  if (lambda !== null && lambda.recursiveLoop !== 'Allow')
    return terminatedCause(lambda.recursiveLoop ?? 'Terminate');
  if (looksTerminated(chains, now)) return terminatedCause(null);
  const open = hops.filter(({ closedAt }) => closedAt === null);
  if (dead.some(({ backReason }) => DATABASE_ERROR.test(backReason ?? ''))) return null;
  const isUnclaimed = dead.every(({ claimedAt }) => claimedAt === null);
  if (dead.length < chains.length && chains.length > 1 && hops.some(({ closedAt }) => closedAt !== null)) {
    return deadLane(facts, dead.length, chains.length);
  }
  const neverWorked = hops.every(({ claimedAt }) => claimedAt === null);
  if (isUnclaimed && dead.length === open.length && (neverWorked || !isTicking)) {
    const since = Math.min(...dead.map(({ plantedAt }) => plantedAt));
    return notInvoked(
      `no event has reached it since ${formatClock(since)} UTC, and ${describeTick(tickAgeMs)}`,
    );
  }
  return isTicking ? null : noTick(facts, dead.length);
}

function notInvoked(why: string): Cause {
  return {
    code: 'not-invoked',
    cause: `the function is not invoked at all: ${why}; a reserved concurrency of 0 (the kill switch) does this`,
    remedy:
      'release the kill switch: `aws lambda put-function-concurrency --function-name NAME --reserved-concurrent-executions 20`, ' +
      'and see that the schedule is enabled; `baton explain ID --function NAME` asks AWS',
  };
}

function deadLane({ hops, now, tickAgeMs }: Facts, deadCount: number, lanes: number): Cause {
  const at = hops.find((hop) => isDead(hop, now));
  const how = at !== undefined && isLost(at, now) ? 'its event was lost' : 'its invocation was killed';
  return {
    code: 'dead-lane',
    cause:
      `${deadCount} of ${lanes} lanes stand still, at the hop of id ${at?.fromId ?? 0}: ${how}, ` +
      `and no tick has woken it; ${describeTick(tickAgeMs)}`,
    remedy: 'let the schedule tick: it wakes the lane; `baton scan` ticks once',
  };
}

function noTick({ tickAgeMs }: Facts, dead: number): Cause {
  return {
    code: 'no-tick',
    cause: `${countOf(dead, 'hop')} stalled, and nothing wakes them: ${describeTick(tickAgeMs)}`,
    remedy: TICK_REMEDY,
  };
}
