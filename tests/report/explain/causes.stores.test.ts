import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { scan } from '../../../src/broadcast/scan.ts';
import { PushError } from '../../../src/errors.ts';
import { judge } from '../../../src/fcm/verdict.ts';
import { firstJob } from '../../../src/job.ts';
import type { Outcome } from '../../../src/model/delivery.ts';
import {
  type FcmReply,
  NOT_FOUND,
  quotaExceeded,
  UNAUTHENTICATED,
  UNAVAILABLE,
  UNREGISTERED,
} from '../../../src/rehearsal/fcm/replies.ts';
import type { Cause } from '../../../src/report/explain/cause.ts';
import { describeExplanation, explainAnnouncement } from '../../../src/report/explain/explain.ts';
import { PARTS } from '../../../src/report/timeline.ts';
import type { Store } from '../../../src/store.ts';
import { makeTestClock, type TestClock } from '../../support/clock.ts';
import { delivered, draft, madeUpDevices, makeContext } from '../../support/context.ts';
import { makeDatabase, type TestDatabase } from '../../support/database.ts';
import { type FaultyOptions, makeFaultyLambda } from '../../support/faulty-lambda.ts';
import { openTimedStore } from '../../support/timed-store.ts';

const DEVICES = 400;
const PACE = { perMinute: 600_000, rampMs: 0 };

/** What the sandbox answers, as the sender judges it. */
function outcomeOf({ status, body, retryAfterSeconds }: FcmReply): Outcome {
  const retryAfter = retryAfterSeconds === undefined ? null : String(retryAfterSeconds);
  return judge({ status, body: JSON.parse(body), retryAfter }, 0);
}

interface Fault {
  readonly name: string;
  readonly options: (clock: TestClock) => FaultyOptions;
  readonly lanes?: number;
  /** Ticks after the start. */
  readonly ticks: number;
  /** Milliseconds after which somebody asks. */
  readonly askedAfterMs?: number;
  readonly code: Cause['code'];
  readonly cause: RegExp;
  readonly remedy: RegExp;
}

const FAULTS: readonly Fault[] = [
  {
    name: 'a wrong project',
    options: () => ({ answer: () => outcomeOf(NOT_FOUND) }),
    ticks: 0,
    code: 'refused',
    cause: /Google does not know the project.*HTTP_404/,
    remedy: /check FCM_PROJECT_ID; then `baton resume 1`/,
  },
  {
    name: 'an expired key',
    options: () => ({ answer: () => outcomeOf(UNAUTHENTICATED) }),
    ticks: 0,
    code: 'refused',
    cause: /Google refused the access token.*HTTP_401/,
    remedy: /key .*make a new one, and set FCM_CREDENTIALS; then `baton resume 1`/,
  },
  {
    name: 'FCM down, while it is',
    options: () => ({ answer: () => outcomeOf(UNAVAILABLE) }),
    ticks: 1,
    code: 'fcm-down',
    cause: /FCM is down \(UNAVAILABLE\).*probes it again at/,
    remedy: /Baton waits and sends again; status\.firebase\.google\.com/,
  },
  {
    name: 'FCM down, afterwards',
    options: (clock) => ({
      answer: () => (isWithin(clock, 5000, 60_000) ? outcomeOf(UNAVAILABLE) : delivered),
      env: { FCM_MESSAGES_PER_MINUTE: '3000' },
    }),
    ticks: 5,
    code: 'fcm-down',
    cause: /FCM is down \(UNAVAILABLE\): the source stopped for/,
    remedy: /status\.firebase\.google\.com/,
  },
  {
    name: 'a storm of 429, while it lasts',
    options: () => ({ answer: () => outcomeOf(quotaExceeded(200)) }),
    ticks: 0,
    code: 'throttled',
    cause: /FCM throttles the source default \(429\): it goes on at/,
    remedy: /lower FCM_MESSAGES_PER_MINUTE/,
  },
  {
    name: 'a storm of 429, afterwards',
    options: (clock) => ({
      answer: () => (isWithin(clock, 5000, 10_000) ? outcomeOf(quotaExceeded(60)) : delivered),
      env: { FCM_MESSAGES_PER_MINUTE: '3000' },
    }),
    ticks: 5,
    code: 'throttled',
    cause: /FCM throttled the source default \(429\)/,
    remedy: /lower FCM_MESSAGES_PER_MINUTE/,
  },
  {
    name: 'a slow database',
    options: (clock) => ({ beforeRecording: () => clock.sleep(2000) }),
    ticks: 2,
    code: 'database-slow',
    cause: /the database is slow: 20 hops of 20 waited for it/,
    remedy: /look at the database's load/,
  },
  {
    name: 'a database that is down for 20 s',
    options: (clock) => ({
      async beforeRecording() {
        if (!isWithin(clock, 5000, 25_000)) return;
        throw new PushError('DATABASE', 'database: ECONNREFUSED: connect ECONNREFUSED');
      },
      env: { FCM_MESSAGES_PER_MINUTE: '3000' },
    }),
    ticks: 3,
    code: 'database-down',
    cause: /the database did not answer for a time/,
    remedy: /restart, a failover or locks; nothing is lost/,
  },
  {
    name: 'killed workers',
    options: () => ({ kills: ({ nth }) => nth === 5 || nth === 12 }),
    ticks: 6,
    code: 'killed',
    cause: /2 invocations ended without giving the hop back/,
    remedy: /raise its memory or its time-out/,
  },
  {
    name: 'lost events',
    options: () => ({ delivers: ({ nth }) => nth !== 7 && nth !== 12 }),
    ticks: 6,
    code: 'lost-events',
    cause: /2 events did not reach the function, and the tick woke the hops/,
    remedy: /asynchronous events/,
  },
  {
    name: 'a dead lane',
    // The canary's hop sends the event of its own next hop, and then those of the other lanes.
    options: () => ({ delivers: ({ nth }) => nth !== 3 }),
    lanes: 4,
    ticks: 0,
    askedAfterMs: 100_000,
    code: 'dead-lane',
    cause: /1 of 4 lanes stand still, at the hop of id \d+: its event was lost/,
    remedy: /let the schedule tick/,
  },
  {
    name: 'Terminate, while the chain stands',
    options: () => ({ delivers: ({ inChain }) => inChain <= 16 }),
    ticks: 1,
    askedAfterMs: 40_000,
    code: 'loop-terminated',
    cause: /recursive loop detection stops each chain after 16 invocations/,
    remedy: /baton doctor --function NAME --fix.*--recursive-loop Allow/,
  },
  {
    name: 'Terminate, afterwards',
    options: () => ({ delivers: ({ inChain }) => inChain <= 16 }),
    ticks: 4,
    code: 'loop-terminated',
    cause: /recursive loop detection/,
    remedy: /--recursive-loop Allow/,
  },
  {
    name: 'the kill switch',
    options: () => ({ delivers: ({ nth }) => nth <= 4 }),
    ticks: 0,
    askedAfterMs: 300_000,
    code: 'not-invoked',
    cause: /not invoked at all.*reserved concurrency of 0 \(the kill switch\)/,
    remedy: /put-function-concurrency/,
  },
  {
    name: 'all devices gone',
    options: () => ({ answer: () => outcomeOf(UNREGISTERED) }),
    ticks: 0,
    code: 'gone',
    cause: /nearly all devices are unregistered/,
    remedy: /check that the devices belong to this project.*--accept-unregistered/,
  },
  {
    name: 'nothing',
    options: () => ({}),
    ticks: 0,
    code: 'budget',
    cause: /the budget of 600,000 messages a minute set the pace/,
    remedy: /nothing is wrong/,
  },
];

const START = Date.UTC(2026, 0, 1);

function isWithin(clock: TestClock, fromMs: number, toMs: number): boolean {
  return clock.now() >= START + fromMs && clock.now() < START + toMs;
}

describe('explain', () => {
  let database: TestDatabase;
  let clock: TestClock;
  let store: Store;

  beforeEach(async () => {
    clock = makeTestClock({ startMs: START, isEager: true });
    database = await makeDatabase('sqlite');
    store = openTimedStore(database.config, clock);
  });
  afterEach(async () => {
    await store.close();
    await database.drop();
  });

  test.each(FAULTS)('it names $name, and the remedy, in its first three lines', async (fault) => {
    await store.addDevices(madeUpDevices(DEVICES));
    const announcementId = await store.createAnnouncement({ ...draft, lanes: fault.lanes ?? 1 });
    await scan(makeContext(store, { clock }));
    const lambda = makeFaultyLambda(store, clock, fault.options(clock));
    await lambda.start(firstJob(announcementId));
    await lambda.tick(fault.ticks);
    await clock.advance(fault.askedAfterMs ?? 0);

    const explanation = await explainAnnouncement({ store, clock }, announcementId, () => ({ pace: PACE }));
    const text = describeExplanation(explanation);
    const [state = '', cause = '', remedy = ''] = text.split('\n');
    expect(state).toMatch(/^announcement 1 is (running|failed|done)/);
    expect(cause, text).toMatch(fault.cause);
    expect(remedy, text).toMatch(fault.remedy);
    expect(explanation.code).toBe(fault.code);
    expect(explanation.proof?.problems).toEqual([]);
    expect(text.split('\n').length).toBeLessThan(80);
    const { parts = null, wallMs = 0 } = explanation.use ?? {};
    expect(PARTS.reduce((sum, part) => sum + (parts?.[part] ?? 0), 0)).toBeCloseTo(wallMs, 3);
  });
});
