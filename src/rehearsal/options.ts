import { availableParallelism } from 'node:os';
import type { FcmConfig } from '../config/config.ts';
import type { RecursiveLoop } from '../local/lambda/function.ts';
import type { Guarantee } from '../model/announcement.ts';
import type { DeviceFilter } from '../model/filter.ts';
import type { ChaosOptions } from './chaos.ts';
import type { MoreHeaders } from './fcm/announced.ts';
import { type FaultMix, parseFaults } from './fcm/faults.ts';
import { DEFAULT_SIGMA, NO_TAIL, type Tail } from './fcm/latency.ts';
import type { Outage } from './fcm/outage.ts';
import { DEFAULT_BATCH } from './queue.ts';

/** What a rehearsal pushes, through what, and with which faults. */
export interface RehearsalOptions extends ChaosOptions {
  /** Number of made-up devices. */
  readonly devices: number;
  /** The devices that the broadcasts are for; null: all. */
  readonly audience: DeviceFilter | null;
  /** Number of messages to send to the devices, each with its own content; 0: one announcement for all devices. */
  readonly messages: number;
  /** True: the messages arrive as records of an SQS queue; `duplicate` is then the share of records that arrive twice. */
  readonly isQueue: boolean;
  /** Maximum number of records per batch of the queue. */
  readonly batch: number;
  /** Devices per hop. */
  readonly pageSize: number;
  /** Maximum number of pushes in flight per hop. */
  readonly window: number;
  /** Chains of hops that run side by side. */
  readonly lanes: number;
  /** Maximum number of concurrent invocations. */
  readonly workers: number;
  /** Median answer time of the sandbox. */
  readonly latencyMs: number;
  /** Spread of the answer times: the standard deviation of their logarithm. */
  readonly sigma: number;
  /** The answers that take much longer than all others. */
  readonly tail: Tail;
  /** Messages per minute that the sandbox accepts. */
  readonly quotaPerMinute: number;
  /** Messages per minute that Baton plans with; null: the quota of the sandbox. */
  readonly budgetPerMinute: number | null;
  /** Seconds of the ramp from zero to the full rate; 0: no ramp. */
  readonly rampSeconds: number;
  readonly faults: FaultMix;
  /** Share of the phones that move from their token to their FID during the broadcast. */
  readonly migrate: number;
  /** Share of the phones whose row says the wrong kind of their target. */
  readonly mislabel: number;
  /** Number of the devices that are canaries: after the broadcast they get a round, and answer it. */
  readonly canaries: number;
  /** Number of the canaries that get the push and never answer. */
  readonly deadCanaries: number;
  /** Null: FCM is never down. */
  readonly outage: Outage | null;
  /** Headers by which FCM and its token service announce that something ends. */
  readonly announce: MoreHeaders;
  readonly transport: FcmConfig['transport'];
  readonly guarantee: Guarantee;
  /** Address of a MySQL database, or path of an SQLite file; null: a new SQLite file in the rehearsal's folder. */
  readonly database: string | null;
  /** True: finish the rehearsal that was killed in `database`. */
  readonly resume: boolean;
  /** Factor that shortens leases, ticks and retry waits. */
  readonly hurry: number;
  /** Time-out of the function. */
  readonly timeoutMs: number;
  readonly recursiveLoop: RecursiveLoop;
}

export const DEFAULT_FAULTS = 'unregistered=0.01,invalid=0.001';

export const defaultOptions: RehearsalOptions = {
  devices: 20_000,
  audience: null,
  messages: 0,
  isQueue: false,
  batch: DEFAULT_BATCH,
  pageSize: 3000,
  window: 3000,
  lanes: 1,
  announcements: 1,
  workers: 2 * availableParallelism(),
  latencyMs: 50,
  sigma: DEFAULT_SIGMA,
  tail: NO_TAIL,
  quotaPerMinute: 600_000,
  budgetPerMinute: null,
  rampSeconds: 60,
  faults: parseFaults(DEFAULT_FAULTS),
  migrate: 0,
  mislabel: 0,
  canaries: 0,
  deadCanaries: 0,
  outage: null,
  announce: {},
  transport: 'http2',
  guarantee: 'at-least-once',
  database: null,
  resume: false,
  kills: 0,
  duplicate: 0,
  drop: 0,
  dbFaults: 0,
  hurry: 20,
  timeoutMs: 300_000,
  recursiveLoop: 'Allow',
  seed: 1,
};
