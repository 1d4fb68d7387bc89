import { type Config, parseConfig, type SourceConfig } from '../../src/config/config.ts';
import type { BroadcastJob, PushJob } from '../../src/job.ts';
import type { Guarantee } from '../../src/model/announcement.ts';
import type { Outcome } from '../../src/model/delivery.ts';
import type { Device } from '../../src/model/device.ts';
import type { Hop } from '../../src/model/hop.ts';
import type { Store } from '../../src/store.ts';
import { runHop } from '../../src/broadcast/hop.ts';
import { noSignals } from '../../src/signals.ts';
import { makeStragglers } from '../../src/broadcast/stragglers.ts';
import type { Clock, Context, OnOutcome } from '../../src/context.ts';
import { migrate } from '../../src/db/migrate.ts';
import { openSqlite } from '../../src/db/sqlite.ts';
import { makeStore } from '../../src/db/store.ts';
import { makeGatherer } from '../../src/messages/gather.ts';
import { noMetrics } from '../../src/metrics.ts';
import { scan } from '../../src/broadcast/scan.ts';
import { draft, fixedSender, madeUpDevices } from './context.ts';

/** What FCM does with one push. The last two are not answered: `lost` was accepted, `dropped` was not. */
export type Answer = 'takes' | 'retryable' | 'lost' | 'dropped';

export interface Setup {
  /** What FCM says of each device once it answers properly. */
  readonly devices: readonly ('delivered' | 'unregistered' | 'rejected')[];
  readonly guarantee: Guarantee;
  readonly pageSize: number;
  readonly batchSize: number;
  readonly window: number;
  /** True: the function's concurrency is used up, so that hops leave their stragglers. */
  readonly isBusy: boolean;
  readonly maxAttempts: number;
  readonly lanes: number;
  readonly scheduled: boolean;
  /** FCM's answers one after another, over and over. */
  readonly answers: readonly Answer[];
}

/** What becomes of the call that an invocation waits in front of. */
export type Fate = 'done' | 'refused' | 'done, but answered with an error';

/** A call that an invocation is about to make. */
interface Call {
  readonly at: string;
  readonly go: (fate: Fate) => void;
}

/** One invocation of the function, waiting in front of its next statements, invokes, pushes and answers. */
interface Invocation {
  readonly name: string;
  readonly job: PushJob;
  readonly attempt: number;
  readonly killedAt: number;
  /** The calls that it is about to make, the oldest first. */
  calls: Call[];
  ended: boolean;
  hop: Hop | null;
  /** A call of it failed, or it was killed. */
  broken: boolean;
  /** It was killed or ended with an error: answers that it has not recorded by then are lost. */
  gone: boolean;
  leasedUntil: number;
  /** Pushes begun after the lease was over. */
  late: number;
  /** Pushes that it may still begin: after a pause, at most a window. */
  allowance: number;
}

interface Push {
  readonly invocation: Invocation;
  readonly deviceId: number;
  answer: Answer;
  /** Refused, and not because of the device: a repeat of the round sends it again. */
  readonly refused: boolean;
  readonly accepted: boolean;
  readonly sentAt: number;
  isHeard: boolean;
  recorded: 'no' | 'in time' | 'late';
}

const unpaced: SourceConfig = {
  credentials: { kind: 'none' },
  projectId: null,
  pace: { perMinute: 1_000_000_000, rampMs: 0 },
  timeZone: 'UTC',
  quietHours: null,
};

export const LEASE_MS = 10_000;
export const RETRY_MS = 5000;
const TIMEOUT_MS = 5000;
/** Calls of one invocation in one move: a hop whose answer is held back goes on looking for it. */
const MAX_CALLS = 80;
const LAMBDA_TIMEOUT_MS = 60_000;
/** Lambda tries an asynchronous event three times. */
const LAMBDA_ATTEMPTS = 3;

export type World = Awaited<ReturnType<typeof makeWorld>>;

/** The product on a database in memory, with a Lambda, an FCM and a clock that stand still until the test moves them on. */
export async function makeWorld(setup: Setup) {
  let now = Date.UTC(2026, 0, 1);
  // An invocation waits only in front of its calls: what it would do by itself while FCM answers (extend its lease) never
  // comes, and no deadline passes.
  const isLeaseTimer = (ms: number): boolean => ms > LEASE_MS / 4;
  const clock: Clock = {
    now: () => now,
    sleep: (_ms, signal) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason as Error));
      }),
    timeout: () => new AbortController().signal,
  };
  const driver = openSqlite(':memory:', clock);
  await migrate(driver);
  const store = makeStore(driver);
  await store.addDevices(madeUpDevices(setup.devices.length));
  const announcementId = await store.createAnnouncement({
    ...draft,
    guarantee: setup.guarantee,
    lanes: setup.lanes,
  });
  if (setup.scheduled) await store.scheduleAnnouncement(announcementId, now);
  const config: Config = Object.assign(
    parseConfig({
      PAGE_SIZE: String(setup.pageSize),
      BATCH_SIZE: String(setup.batchSize),
      MAX_ATTEMPTS: String(setup.maxAttempts),
      LEASE_MS: String(LEASE_MS),
      RETRY_MS: String(RETRY_MS / 2),
      WINDOW: String(setup.window),
      MAX_CONCURRENCY: setup.isBusy ? '1' : '0',
      FCM_TIMEOUT_MS: String(TIMEOUT_MS),
      DEADLINE_RESERVE_MS: '6000',
      CHECKS: 'none',
    }),
    // A pace would wait by the real clock.
    { sources: new Map([['default', unpaced]]) },
  );

  const start: BroadcastJob = { kind: 'broadcast', announcementId, round: 0, fromId: 0 };
  const queue: { readonly job: PushJob; readonly attempt: number }[] = setup.scheduled
    ? []
    : [{ job: start, attempt: 1 }];
  const pushes: Push[] = [];
  /** Those that were there from the beginning and still are. */
  const audience = new Set(setup.devices.map((_, nth) => nth + 1));
  let joined = 0;
  const handedOver = new Map<string, Invocation>();
  const story: string[] = [];
  const wrong: string[] = [];
  let live: Invocation[] = [];
  /** Processes whose invocation has ended, with answers still out. */
  let idle: Invocation[] = [];
  let paused = false;
  let misconfigured = false;
  let refusing = false;
  let started = 0;
  let invocations = 0;

  const isLate = (invocation: Invocation): boolean => now > invocation.leasedUntil;
  const isOut = (invocation: Invocation): boolean => invocation.broken || isLate(invocation);
  const note = (words: string): number => story.push(`${(now % 86_400_000) / 1000} s: ${words}`);

  /** Waits until the invocation is let on. A push that FCM has begun to take is not refused, as the sender's port has it. */
  function waiting<T>(
    invocation: Invocation,
    at: string,
    call: () => Promise<T> | T,
    refusable = true,
  ): Promise<T> {
    return new Promise<Fate>((go) => invocation.calls.push({ at, go })).then(async (fate) => {
      note(`${invocation.name} ${brief(at)}${fate === 'done' || !refusable ? '' : `: ${fate}`}`);
      if (!refusable || fate === 'done') return call();
      invocation.broken = true;
      if (fate !== 'refused') await call();
      throw new Error(`${at}: ${fate}`);
    });
  }

  /** Every statement waits; starts, leases and recorded deliveries are noted. */
  function makeInvocationStore(invocation: Invocation): Store {
    const inner = makeStore({
      ...driver,
      all: (statement) => waiting(invocation, statement.sql, () => driver.all(statement)),
      run: (statement) => waiting(invocation, statement.sql, () => driver.run(statement)),
      runTogether: (first, ...others) =>
        waiting(invocation, [first, ...others].map(({ sql }) => sql).join('; '), () => {
          if (!refusing || ![first, ...others].some(({ sql }) => sql.includes('INTO push_delivery')))
            return driver.runTogether(first, ...others);
          note('the ledger refuses');
          invocation.broken = true;
          throw new Error('INSERT command denied');
        }),
    });
    return {
      ...inner,
      async startAnnouncement(...asked) {
        const isFirst = await inner.startAnnouncement(...asked);
        if (isFirst && ++started > 1) wrong.push('the announcement started twice');
        return isFirst;
      },
      async claimHop(...asked) {
        const leasedUntil = now + LEASE_MS;
        const claim = await inner.claimHop(...asked);
        if (claim.kind === 'claimed') Object.assign(invocation, { leasedUntil, hop: claim.hop });
        return claim;
      },
      async holdHop(...asked) {
        const held = await inner.holdHop(...asked);
        if (held) Object.assign(invocation, { leasedUntil: now + LEASE_MS, late: 0 });
        return held;
      },
      async recordDeliveries(key, deliveries, options) {
        await inner.recordDeliveries(key, deliveries, options);
        const recorded = new Set(deliveries.map(({ deviceId }) => deviceId));
        for (const each of pushes) {
          if (each.invocation !== invocation || each.recorded !== 'no' || !recorded.has(each.deviceId))
            continue;
          each.recorded = isLate(invocation) ? 'late' : 'in time';
        }
      },
    };
  }

  function nap(invocation: Invocation, ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const wake = (): void => {
        note(`${invocation.name} has slept ${ms} ms`);
        doze(invocation, ms).then(resolve, reject);
      };
      const call = { at: `sleeps ${ms} ms`, go: wake };
      invocation.calls.push(call);
      signal?.addEventListener('abort', () => {
        invocation.calls = invocation.calls.filter((each) => each !== call);
        reject(signal.reason as Error);
      });
    });
  }

  async function doze(invocation: Invocation, ms: number): Promise<void> {
    wait(Math.max(0, Math.min(ms, invocation.killedAt - now - 1)));
    if (invocation.hop && (await store.extendLease(invocation.hop, LEASE_MS)))
      Object.assign(invocation, { leasedUntil: now + LEASE_MS, late: 0 });
  }

  /** FCM has not answered in time: nobody knows whether it has accepted the push. */
  const isUnanswered = ({ answer, sentAt, recorded }: Push): boolean =>
    answer === 'lost' || (recorded === 'no' && now > sentAt + TIMEOUT_MS);

  /** Asks FCM for one push; a repeat has to be excused by a crash, a lost lease or an unanswered push. */
  function push(invocation: Invocation, { deviceId }: Device, refused: boolean): Push {
    const answer = setup.answers[pushes.length % setup.answers.length] ?? 'takes';
    const final = setup.devices[deviceId - 1] ?? 'delivered';
    const accepted = !refused && final === 'delivered' && (answer === 'takes' || answer === 'lost');
    for (const earlier of pushes.filter((each) => each.deviceId === deviceId)) {
      if (setup.guarantee === 'at-most-once' && accepted && earlier.accepted) {
        wrong.push(`at most once, but device ${deviceId} got it twice`);
      }
      const excused =
        isLate(invocation) ||
        earlier.recorded === 'late' ||
        (earlier.recorded === 'no' && (earlier.invocation.gone || isLate(earlier.invocation))) ||
        (roundOf(earlier.invocation) === roundOf(invocation)
          ? earlier.refused
          : !earlier.accepted || isUnanswered(earlier));
      if (!excused)
        wrong.push(
          `device ${deviceId} was pushed to by ${earlier.invocation.name}, and again by ${invocation.name}`,
        );
    }
    const one: Push = {
      invocation,
      deviceId,
      answer,
      refused,
      accepted,
      sentAt: now,
      isHeard: false,
      recorded: 'no',
    };
    pushes.push(one);
    return one;
  }

  function outcomeOf(one: Push): Outcome {
    if (one.answer === 'takes' && now > one.sentAt + TIMEOUT_MS) one.answer = 'lost';
    one.isHeard = true;
    const { answer, refused, deviceId } = one;
    const takes = setup.devices[deviceId - 1] ?? 'delivered';
    const verdict = refused ? 'misconfigured' : { ...VERDICT, takes }[answer];
    // With a Retry-After it would brake the source, which is waited for by the real clock.
    return {
      verdict,
      reason: answer,
      messageName: null,
      retryAfterMs: null,
      blamesTarget: verdict === 'rejected',
    };
  }

  /** Begins to push to devices: FCM takes them at once or later, and answers each by itself. */
  async function send(
    invocation: Invocation,
    devices: readonly Device[],
    onOutcome: OnOutcome | undefined,
  ): Promise<Outcome[]> {
    const names = devices.map(({ deviceId }) => deviceId).join(' ');
    const count = (): void => {
      const unrecorded = pushes.filter(
        // Refusals and pushes without an answer wait for a judgement: a repeat of these shows no push twice, or may.
        (each) =>
          each.invocation === invocation &&
          each.accepted &&
          each.recorded === 'no' &&
          !(each.isHeard && each.answer === 'lost'),
      ).length;
      if (unrecorded + devices.length > setup.window)
        wrong.push(`${invocation.name} pushed to ${names} with ${unrecorded} unrecorded answers`);
      if ((invocation.allowance -= devices.length) < 0)
        wrong.push(`${invocation.name} pushed to ${names} though it was paused`);
      if (isLate(invocation) && (invocation.late += devices.length) > setup.window)
        wrong.push(`${invocation.name} pushed on after it had lost its hop`);
    };
    await waiting(invocation, `begins to push ${names}`, count);
    const refused = misconfigured;
    const begun = devices.map((device, nth) => (nth % 2 === 0 ? push(invocation, device, refused) : null));
    return Promise.all(
      devices.map(async (device, nth) => {
        const outcome = await waiting(
          invocation,
          `hears of ${device.deviceId}`,
          () => outcomeOf(begun[nth] ?? push(invocation, device, refused)),
          false,
        );
        onOutcome?.(nth, outcome);
        return outcome;
      }),
    );
  }

  function makeInvocationContext(invocation: Invocation): Context {
    const invocationClock: Clock = {
      ...clock,
      // Time passes, and the lease is extended meanwhile.
      sleep: (ms, signal) =>
        signal && isLeaseTimer(ms) ? clock.sleep(ms, signal) : nap(invocation, ms, signal),
    };
    const own = makeInvocationStore(invocation);
    const log = { info() {}, error() {} };
    return {
      config,
      clock: invocationClock,
      store: own,
      stragglers: makeStragglers({ store: own, clock: invocationClock, log, metrics: noMetrics }),
      signals: noSignals,
      gatherer: makeGatherer(),
      metrics: noMetrics,
      log,
      requestId: invocation.name,
      actor: 'event',
      functionName: 'baton',
      remainingMs: () => invocation.killedAt - now,
      senders: fixedSender({
        send: ({ devices }, _signal, onOutcome) => send(invocation, devices, onOutcome),
        close: async () => {},
      }),
      invoker: {
        invoke: (_name, job) =>
          waiting(invocation, `invokes ${JSON.stringify(job)}`, () => {
            checkInvoke(invocation, job);
            queue.push({ job, attempt: 1 });
          }),
        close() {},
      },
    };
  }

  /** The cursor only grows, and an invocation that is well hands over what no other invocation that was well has handed over. */
  function checkInvoke(invocation: Invocation, job: PushJob): void {
    if (invocation.job.kind !== 'broadcast' || job.kind !== 'broadcast') return;
    const grown = job.fromId - invocation.job.fromId;
    if (job.round !== invocation.job.round || grown < 0)
      wrong.push(`${invocation.name} went back: ${JSON.stringify(job)}`);
    if (grown === 0) return;
    const key = `${job.round}/${job.fromId}`;
    const earlier = handedOver.get(key);
    if (earlier && !isOut(earlier) && !isLate(invocation)) wrong.push(`hop ${key} was handed over twice`);
    handedOver.set(key, invocation);
  }

  /** Starts an invocation and brings it to its first call. */
  async function begin(job: PushJob, attempt: number): Promise<Invocation> {
    const invocation: Invocation = {
      name: `invocation ${++invocations}`,
      job,
      attempt,
      killedAt: now + LAMBDA_TIMEOUT_MS,
      calls: [],
      ended: false,
      hop: null,
      broken: false,
      gone: false,
      leasedUntil: 0,
      late: 0,
      allowance: paused ? 0 : Infinity,
    };
    const ctx = makeInvocationContext(invocation);
    const words = job.kind === 'broadcast' ? `round ${job.round} from ${job.fromId}` : job.kind;
    note(`${invocation.name} begins: ${words}, attempt ${attempt}`);
    live.push(invocation);
    const work = (async (): Promise<void> => {
      try {
        await (job.kind === 'broadcast' ? runHop(ctx, job) : scan(ctx));
      } finally {
        await ctx.stragglers.flush();
      }
    })();
    work.then(
      () => end(invocation),
      (error: unknown) => end(invocation, String(error)),
    );
    await rest();
    return invocation;
  }

  function end(invocation: Invocation, error = ''): void {
    note(`${invocation.name} ends ${error}`);
    invocation.ended = true;
    live = live.filter((each) => each !== invocation);
    if (invocation.calls.length > 0) idle.push(invocation);
    if (error && !invocation.broken && !error.includes('ms left before'))
      wrong.push(`${invocation.name}: ${error}`);
    // An invocation that could not record until its time was over fails its announcement, which is no error of its own.
    if (invocation.broken) invocation.gone = true;
    if (error) {
      invocation.gone = true;
      retry(invocation);
    }
  }

  function retry({ job, attempt }: Invocation): void {
    if (attempt < LAMBDA_ATTEMPTS) queue.push({ job, attempt: attempt + 1 });
  }

  /** Lets an invocation do one of its calls, the oldest unless `pick` says otherwise, and all that follows from it. */
  async function step(invocation: Invocation, fate: Fate, pick = 0): Promise<void> {
    const [call] = invocation.calls.splice(pick % Math.max(1, invocation.calls.length), 1);
    if (call) call.go(fate);
    else if (!invocation.ended) wrong.push(`${invocation.name} waits for nothing`);
    await rest();
    if (wrong.length > 0) throw new Error(`${wrong.join('; ')}\n${story.join('\n')}`);
  }

  /** Every invocation waits in front of its calls again, or has ended: the database answers at once. */
  function rest(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** Lets it go on for so many calls, or to its end. */
  async function letGo(invocation: Invocation, calls = Infinity, pick = 0): Promise<void> {
    for (let nth = 0; !invocation.ended && nth < calls; nth++) await step(invocation, 'done', pick);
  }

  /** Lets it do everything but calls with these words, for a while: what is left waits in front of them. */
  async function letGoBefore(invocation: Invocation, words: string): Promise<void> {
    for (let calls = 0; !invocation.ended && calls < MAX_CALLS; calls++) {
      const pick = calls === 0 ? 0 : invocation.calls.findIndex(({ at }) => !at.includes(words));
      if (pick === -1) return;
      await step(invocation, 'done', pick);
    }
  }

  /** The process is gone: none of its calls ever returns. */
  function kill(invocation: Invocation, words: string, retried: boolean): void {
    note(
      `${invocation.name} is killed ${words}, before ${invocation.calls.map(({ at }) => brief(at)).join(', ')}`,
    );
    Object.assign(invocation, { broken: true, gone: true, calls: [] });
    live = live.filter((each) => each !== invocation);
    idle = idle.filter((each) => each !== invocation);
    if (retried) retry(invocation);
  }

  function wait(ms: number): void {
    now += ms;
    for (const invocation of live) if (invocation.killedAt <= now) kill(invocation, 'by its time-out', true);
  }

  return {
    store,
    announcementId,
    audience,
    joined: () => joined,
    pushes,
    queue,
    story,
    note,
    kill,
    begin,
    step,
    letGo,
    letGoBefore,
    live: () => live,
    idle: () => (idle = idle.filter(({ calls }) => calls.length > 0)),
    invocations: () => invocations,
    allRows: (table: 'push_hop' | 'push_delivery') =>
      driver.all({ sql: `SELECT * FROM ${table}`, values: [] }),
    async deliver(nth: number, { twice }: { twice: boolean }): Promise<void> {
      const [event] = twice ? queue.slice(nth, nth + 1) : queue.splice(nth, 1);
      if (event) await begin(event.job, event.attempt);
    },
    wait,
    async pause(): Promise<void> {
      if (!(await store.moveAnnouncement(announcementId, ['running'], 'paused', null))) return;
      note('paused');
      paused = true;
      for (const invocation of live) invocation.allowance = setup.window;
    },
    async resume(): Promise<void> {
      misconfigured = false;
      if (!(await store.moveAnnouncement(announcementId, ['paused', 'failed'], 'running', null))) return;
      note('resumed');
      paused = false;
      for (const invocation of live) invocation.allowance = Infinity;
    },
    /** FCM refuses whole batches, and not because of the devices, until `resume`. */
    misconfigure(): void {
      misconfigured = true;
    },
    /** The ledger takes no delivery, until it is called again with false. */
    refuseDeliveries(refuses: boolean): void {
      note(refuses ? 'the ledger refuses deliveries' : 'the ledger takes deliveries');
      refusing = refuses;
    },
    async join(): Promise<void> {
      note('a device joins');
      await store.addDevices(madeUpDevices(setup.devices.length + ++joined).slice(-1));
    },
    async leave(deviceId: number): Promise<void> {
      note(`device ${deviceId} leaves`);
      audience.delete(deviceId);
      await driver.run({ sql: 'DELETE FROM push_device WHERE device_id = ?', values: [deviceId] });
    },
    async startAgain(): Promise<void> {
      if ((await store.fetchAnnouncement(announcementId))?.status === 'draft') await begin(start, 1);
    },
    close: () => driver.close(),
  };
}

const VERDICT = { retryable: 'retryable', lost: 'unknown', dropped: 'unknown' } as const;

export function roundOf({ job }: Invocation): number {
  return job.kind === 'broadcast' ? job.round : -1;
}

/** The first words of a statement. */
function brief(sql: string): string {
  return sql.replaceAll(/\s+/g, ' ').trim().slice(0, 70);
}
