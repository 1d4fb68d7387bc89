/**
 * The words of Baton, and what its parts are given to work with. Nothing here runs.
 *
 *   source        one Firebase project that pushes go through
 *   stage         dev, staging or prod; in every log line
 *   announcement  one broadcast: content, audience, source, status (model/announcement.ts)
 *   device        one push target; its id is auto-increment and is the cursor (model/device.ts)
 *   message       one notification for one recipient, with content of its own (model/message.ts)
 *   mailing       an announcement made of messages: they become due and go out together
 *   job           what an event asks for, typed (job.ts)
 *   invocation    one run of the function
 *   hop           the work on one page: usually one invocation, after a crash several (model/hop.ts)
 *   page          up to PAGE_SIZE devices, found by reading one row more than that
 *   cursor        the first device id not yet handed to any hop; inclusive; 0 is the beginning
 *   lane          an id range that recurses on its own; one by default
 *   round         0 is the broadcast itself; 1, 2, … retry its retryable deliveries
 *   window        the pushes that a hop may have in flight at a time
 *   batch         the answers that are recorded together
 *   canary        the first pushes of an announcement: judged before anything else is sent
 *   straggler     a push whose answer is still out when its hop ends
 *   delivery      what became of one push: one row for each (announcement, message, device)
 *   ledger        all deliveries
 *   verdict       how FCM's answer is judged (model/delivery.ts)
 *   guarantee     at-least-once or at-most-once (model/announcement.ts)
 *   budget        the messages a minute that a source may send, shared by all its hops
 *   slot          the time in the budget that is reserved for a page
 *   brake         a stop of a whole source, because FCM throttles or is down
 */

import type { Config } from './config/config.ts';
import type { PushJob } from './job.ts';
import type { Metrics } from './metrics.ts';
import type { Actor } from './model/audit.ts';
import type { Notification } from './model/content.ts';
import type { Delivery, Outcome, Push } from './model/delivery.ts';
import type { Device } from './model/device.ts';
import type { Hop } from './model/hop.ts';
import type { NewSignal } from './model/signal.ts';
import type { Store } from './store.ts';

/** Opened once for a warm container; lives on between invocations. */
export interface Services {
  readonly config: Config;
  /** Resolves to the configuration with secrets that are at most five minutes old, for callers' tokens and alerts; absent: `config`. */
  readonly fetchConfig?: () => Promise<Config>;
  readonly gatherer: Gatherer;
  readonly store: Store;
  readonly senders: Senders;
  readonly invoker: Invoker;
  readonly stragglers: Stragglers;
  readonly signals: Signals;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** One invocation: the services, what Lambda says about it, and who asks. */
export interface Context extends Services {
  readonly actor: Actor;
  readonly requestId: string;
  /** What to invoke for the next hop: the ARN that this invocation was called by, so that an alias stays on its alias. */
  readonly functionName: string;
  /** Milliseconds until Lambda ends this invocation. */
  readonly remainingMs: () => number;
}

/** A device, with its own notification if it does not get the batch's. */
export type Addressee = Device & Pick<Push, 'own'>;

/** What goes to FCM in one call. */
export interface Batch extends Notification {
  readonly dryRun: boolean;
  readonly devices: readonly Addressee[];
}

/** Takes an outcome before the last one of its batch is known; `nth` is the device's position in the batch. */
export type OnOutcome = (nth: number, outcome: Outcome) => void;

/** Sends to one Firebase project. */
export interface Sender {
  /** Each call costs as much as many messages: a caller that can wait makes calls of this size. Absent: size does not matter. */
  readonly callSize?: number | undefined;
  /**
   * Resolves to one outcome for each device, in order, when the last answer has arrived or `signal` aborts. `onOutcome` may
   * get some of them earlier. May be called again before that. Throws only if nothing was sent.
   */
  send(batch: Batch, signal: AbortSignal, onOutcome?: OnOutcome): Promise<Outcome[]>;
  close(): Promise<void>;
}

/** The senders of all sources. */
export interface Senders {
  /** The sender of a source, opened at its first push and kept warm. PushError('NO_SUCH_SOURCE'), ('BAD_CREDENTIALS'). */
  of(source: string): Promise<Sender>;
  /** Throws what `of` would throw, without opening anything. */
  check(source: string): void;
  close(): Promise<void>;
}

/** Records the answers that arrive after their hop has ended. */
export interface Stragglers {
  /** Takes the delivery of a push of a hop that has ended. */
  take(hop: Hop, delivery: Delivery): void;
  /** Records what has arrived: an invocation calls it before it ends. */
  flush(): Promise<void>;
}

/** Remembers what is observed in passing, such as a header by which a service announces a change. */
export interface Signals {
  /** Counts a signal in memory. It may be called for each push. */
  note(signal: NewSignal): void;
  /** Writes what is new: an invocation calls it before it ends. Never rejects. */
  flush(): Promise<void>;
}

/** Asks Lambda to run a job in an invocation of its own. */
export interface Invoker {
  /** Resolves once Lambda has accepted the job. PushError('INVOKE_FAILED'). */
  invoke(functionName: string, job: PushJob): Promise<void>;
  close(): void;
}

/** Time. A test replaces it and lets it pass at once. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms`; rejects with the signal's reason if it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** A signal that aborts after `ms`. */
  timeout(ms: number): AbortSignal;
}

export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/** Structured logging. `event` is a fixed phrase; what varies goes into the fields. */
export interface Log {
  info(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

/** Combines what many callers ask for at the same time into one call. */
export interface Gatherer {
  /**
   * Runs `work` for the items of all callers of this name that arrived while the previous call was under way; each caller gets
   * the results of its own items. `work` resolves to one result for each item, in order.
   */
  join<In, Out>(
    name: string,
    items: readonly In[],
    work: (items: readonly In[]) => Promise<readonly Out[]>,
  ): Promise<readonly Out[]>;
}
