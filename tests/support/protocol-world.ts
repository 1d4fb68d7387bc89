import { type Config, parseConfig, type SourceConfig } from '../../src/config/config.ts';
import type { BroadcastJob, PushJob } from '../../src/job.ts';
import type { Guarantee } from '../../src/model/announcement.ts';
import type { Outcome } from '../../src/model/delivery.ts';
import type { Device } from '../../src/model/device.ts';
import type { Hop } from '../../src/model/hop.ts';
import type { Store } from '../../src/store.ts';
import { runHop } from '../../src/broadcast/hop.ts';
import type { Clock, Context } from '../../src/context.ts';
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
  readonly maxAttempts: number;
  readonly lanes: number;
  readonly scheduled: boolean;
  /** FCM's answers one after another, over and over. */
  readonly answers: readonly Answer[];
}

/** What becomes of the call that an invocation waits in front of. */
export type Fate = 'done' | 'refused' | 'done, but answered with an error';

/** One invocation of the function, waiting in front of its next statement, invoke or push. */
interface Invocation {
  readonly name: string;
  readonly job: PushJob;
  readonly attempt: number;
  readonly killedAt: number;
  /** The call that it is about to make. */
  at: string;
  go: (fate: Fate) => void;
  /** Called when it waits again, or has ended. */
  rests: () => void;
  ended: boolean;
  hop: Hop | null;
  /** A call of it failed, or it was killed. */
  broken: boolean;
  /** It was killed or ended with an error: answers that it has not recorded by then are lost. */
  gone: boolean;
  leasedUntil: number;
  /** Batches begun after the lease was over. */
  late: number;
  /** Its last holdHop succeeded: it may push one more chunk. */
  cleared: boolean;
  /** Batches that it may still begin: after a pause, at most the one that it was cleared for. */
  batches: number;
}

interface Push {
  readonly invocation: Invocation;
  readonly deviceId: number;
  readonly answer: Answer;
  /** Refused, and not because of the device: a repeat of the round sends it again. */
  readonly refused: boolean;
  readonly accepted: boolean;
  recorded: 'no' | 'in time' | 'late';
}

const unpaced: SourceConfig = {
  credentials: { kind: 'none' },
  projectId: null,
  pace: { perMinute: Infinity, rampMs: 0 },
};

export const LEASE_MS = 10_000;
export const RETRY_MS = 5000;
const LAMBDA_TIMEOUT_MS = 60_000;
/** Lambda tries an asynchronous event three times. */
const LAMBDA_ATTEMPTS = 3;

export type World = Awaited<ReturnType<typeof makeWorld>>;

/** The product on a database in memory, with a Lambda, an FCM and a clock that stand still until the test moves them on. */
export async function makeWorld(setup: Setup) {
  let now = Date.UTC(2026, 0, 1);
  // An invocation waits only in front of its calls: what it would do by itself while FCM answers (extend its lease) never
  // comes, and no deadline passes.
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
      FCM_TIMEOUT_MS: '5000',
      DEADLINE_RESERVE_MS: '6000',
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
    return new Promise<Fate>((go) => {
      Object.assign(invocation, { at, go });
      invocation.rests();
    }).then(async (fate) => {
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
      runTogether: (first, ...rest) =>
        waiting(invocation, [first, ...rest].map(({ sql }) => sql).join('; '), () => {
          if (!refusing || ![first, ...rest].some(({ sql }) => sql.includes('INTO push_delivery')))
            return driver.runTogether(first, ...rest);
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
        if (held) Object.assign(invocation, { leasedUntil: now + LEASE_MS, late: 0, cleared: true });
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

  async function doze(invocation: Invocation, ms: number): Promise<void> {
    wait(Math.max(0, Math.min(ms, invocation.killedAt - now - 1)));
    if (invocation.hop && (await store.extendLease(invocation.hop, LEASE_MS)))
      Object.assign(invocation, { leasedUntil: now + LEASE_MS, late: 0 });
  }

  /** Asks FCM for one push; a repeat has to be excused by a crash, a lost lease or an unanswered push. */
  function push(invocation: Invocation, { deviceId }: Device, refused: boolean): Outcome {
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
          : !earlier.accepted || earlier.answer === 'lost');
      if (!excused)
        wrong.push(
          `device ${deviceId} was pushed to by ${earlier.invocation.name}, and again by ${invocation.name}`,
        );
    }
    pushes.push({ invocation, deviceId, answer, refused, accepted, recorded: 'no' });
    const verdict = refused ? 'misconfigured' : { ...VERDICT, takes: final }[answer];
    // With a Retry-After it would brake the source, which is waited for by the real clock.
    return {
      verdict,
      reason: answer,
      messageName: null,
      retryAfterMs: null,
      blamesTarget: verdict === 'rejected',
    };
  }

  function makeInvocationContext(invocation: Invocation): Context {
    return {
      config,
      clock: {
        ...clock,
        // Between two tries to record, time passes, and the lease is extended meanwhile.
        sleep: (ms, signal) =>
          signal
            ? clock.sleep(ms, signal)
            : waiting(invocation, `sleeps ${ms} ms`, () => doze(invocation, ms), false),
      },
      store: makeInvocationStore(invocation),
      gatherer: makeGatherer(),
      metrics: noMetrics,
      stragglers: { take() {}, async flush() {} },
      log: { info() {}, error() {} },
      requestId: invocation.name,
      functionName: 'baton',
      remainingMs: () => invocation.killedAt - now,
      senders: fixedSender({
        async send({ devices }) {
          const half = Math.ceil(devices.length / 2);
          const names = devices.map(({ deviceId }) => deviceId).join(' ');
          await waiting(invocation, `begins to push ${names}`, () => {
            invocation.cleared = false;
            if (pushes.some((each) => each.invocation === invocation && each.recorded === 'no'))
              wrong.push(`${invocation.name} pushed to ${names} before it had recorded earlier answers`);
            if (invocation.batches-- <= 0)
              wrong.push(`${invocation.name} pushed to ${names} though it was paused`);
            if (isLate(invocation) && ++invocation.late > 1)
              wrong.push(`${invocation.name} pushed on after it had lost its hop`);
          });
          // The whole batch alike, as the product takes it.
          const refused = misconfigured;
          const first = devices.slice(0, half).map((device) => push(invocation, device, refused));
          const pushRest = () => devices.slice(half).map((device) => push(invocation, device, refused));
          return [...first, ...(await waiting(invocation, `is half through ${names}`, pushRest, false))];
        },
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
    let rests = (): void => {};
    const invocation: Invocation = {
      name: `invocation ${++invocations}`,
      job,
      attempt,
      killedAt: now + LAMBDA_TIMEOUT_MS,
      at: '',
      go() {},
      rests: () => rests(),
      ended: false,
      hop: null,
      broken: false,
      gone: false,
      leasedUntil: 0,
      late: 0,
      cleared: false,
      batches: paused ? 0 : Infinity,
    };
    const ctx = makeInvocationContext(invocation);
    const words = job.kind === 'broadcast' ? `round ${job.round} from ${job.fromId}` : job.kind;
    note(`${invocation.name} begins: ${words}, attempt ${attempt}`);
    live.push(invocation);
    const rested = new Promise<void>((resolve) => (rests = resolve));
    const work: Promise<unknown> = job.kind === 'broadcast' ? runHop(ctx, job) : scan(ctx);
    work.then(
      () => end(invocation),
      (error: unknown) => end(invocation, String(error)),
    );
    await rested;
    return invocation;
  }

  function end(invocation: Invocation, error = ''): void {
    note(`${invocation.name} ends ${error}`);
    invocation.ended = true;
    live = live.filter((each) => each !== invocation);
    if (error && !invocation.broken && !error.includes('ms left before'))
      wrong.push(`${invocation.name}: ${error}`);
    if (error) {
      invocation.gone = true;
      retry(invocation);
    }
    invocation.rests();
  }

  function retry({ job, attempt }: Invocation): void {
    if (attempt < LAMBDA_ATTEMPTS) queue.push({ job, attempt: attempt + 1 });
  }

  /** Lets an invocation do its next call. */
  async function step(invocation: Invocation, fate: Fate): Promise<void> {
    const rested = new Promise<void>((resolve) => (invocation.rests = resolve));
    invocation.go(fate);
    await rested;
    if (wrong.length > 0) throw new Error(`${wrong.join('; ')}\n${story.join('\n')}`);
  }

  /** Lets it go on for so long, or to its end. */
  async function letGo(invocation: Invocation, goesOn = (_calls: number): boolean => true): Promise<void> {
    for (let calls = 0; !invocation.ended && goesOn(calls); calls++) await step(invocation, 'done');
  }

  /** The process is gone: none of its calls ever returns. */
  function kill(invocation: Invocation, words: string, retried: boolean): void {
    note(`${invocation.name} is killed ${words}, before ${brief(invocation.at)}`);
    Object.assign(invocation, { broken: true, gone: true });
    live = live.filter((each) => each !== invocation);
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
    live: () => live,
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
      for (const invocation of live) invocation.batches = invocation.cleared ? 1 : 0;
    },
    async resume(): Promise<void> {
      misconfigured = false;
      if (!(await store.moveAnnouncement(announcementId, ['paused', 'failed'], 'running', null))) return;
      note('resumed');
      paused = false;
      for (const invocation of live) invocation.batches = Infinity;
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
