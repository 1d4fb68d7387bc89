import type { Addressee } from '../../src/context.ts';
import { runHop } from '../../src/broadcast/hop.ts';
import { scan } from '../../src/broadcast/scan.ts';
import type { BroadcastJob } from '../../src/job.ts';
import { PushError } from '../../src/errors.ts';
import type { Outcome } from '../../src/model/delivery.ts';
import type { Store } from '../../src/store.ts';
import type { TestClock } from './clock.ts';
import { delivered, makeContext } from './context.ts';

const TIMEOUT_MS = 300_000;
const TICK_MS = 60_000;

/** An event on its way to the function. */
export interface Sent {
  readonly job: BroadcastJob;
  /** 1 for the first event of the whole broadcast. */
  readonly nth: number;
  /** 1 for an event that no invocation has sent. */
  readonly inChain: number;
}

export interface FaultyOptions {
  readonly env?: Record<string, string>;
  /** FCM's answer; absent: it accepts every push. */
  readonly answer?: (clock: TestClock) => Outcome;
  /** FCM's answer for a device, in the place of `answer`. */
  readonly answerOf?: (device: Addressee) => Outcome;
  /** False: Lambda loses the event. */
  readonly delivers?: (sent: Sent) => boolean;
  /** True: the invocation of this event is killed when it first records answers. */
  readonly kills?: (sent: Sent) => boolean;
  /** Runs before answers are recorded. */
  readonly beforeRecording?: () => Promise<void>;
}

/** Lambda on the test's clock, with faults: one invocation after another. */
export function makeFaultyLambda(store: Store, clock: TestClock, options: FaultyOptions) {
  const { env = {}, answer = () => delivered, delivers = () => true, kills = () => false } = options;
  const queue: Sent[] = [];
  let events = 0;

  const send = (job: BroadcastJob, inChain: number): void => {
    const sent = { job, nth: ++events, inChain };
    if (delivers(sent)) queue.push(sent);
  };

  function contextOf(inChain: number, isKilled: boolean) {
    let endsAt = clock.now() + TIMEOUT_MS;
    const die = (): void => void (endsAt = -Infinity);
    return makeContext(faultyStore(store, isKilled ? die : null, options.beforeRecording), {
      clock,
      env: { PAGE_SIZE: '20', BATCH_SIZE: '20', WINDOW: '20', ...env },
      remainingMs: () => endsAt - clock.now(),
      answer: options.answerOf ?? (() => answer(clock)),
      async invoke(job) {
        if (job.kind === 'broadcast') send(job, inChain + 1);
      },
    });
  }

  async function drain(): Promise<void> {
    for (let sent = queue.shift(); sent; sent = queue.shift()) {
      const isKilled = kills(sent);
      // An invocation that was killed, or that failed, is not repeated by Lambda here: the tick does it.
      await runHop(contextOf(sent.inChain, isKilled), sent.job).catch(() => {});
    }
  }

  return {
    /** Sends the event that starts the announcement, and runs all that follows. */
    async start(job: BroadcastJob): Promise<void> {
      send(job, 1);
      await drain();
    },
    /** Lets a minute pass, ticks, and runs all that follows; so many times. */
    async tick(times = 1): Promise<void> {
      for (let tick = 0; tick < times; tick++) {
        await clock.advance(TICK_MS);
        await scan(contextOf(1, false));
        await drain();
      }
    },
  };
}

/** A store as one invocation has it: once the invocation is killed, nothing that it asks for happens. */
function faultyStore(store: Store, kill: (() => void) | null, beforeRecording?: () => Promise<void>): Store {
  let isDead = false;
  return new Proxy(store, {
    get(target, name: keyof Store) {
      const method = target[name] as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]) => {
        if (kill && name === 'recordDeliveries') {
          isDead = true;
          kill();
        }
        if (isDead) throw new PushError('OUT_OF_TIME', 'the invocation is killed');
        if (name === 'recordDeliveries' || name === 'releaseHop' || name === 'extendLease')
          await beforeRecording?.();
        return method.apply(target, args);
      };
    },
  });
}
