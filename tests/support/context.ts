import type { PushJob } from '../../src/job.ts';
import type { NewAnnouncement } from '../../src/model/announcement.ts';
import type { Outcome } from '../../src/model/delivery.ts';
import type { NewDevice } from '../../src/model/device.ts';
import type { Recipient } from '../../src/model/message.ts';
import type { Store } from '../../src/store.ts';
import { makeStragglers } from '../../src/broadcast/stragglers.ts';
import { makeSenders } from '../../src/fcm/open.ts';
import { systemClock } from '../../src/clock.ts';
import { noMetrics } from '../../src/metrics.ts';
import { makeSignals } from '../../src/signals.ts';
import { makeGatherer } from '../../src/messages/gather.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { Addressee, Clock, Context, Sender, Senders } from '../../src/context.ts';

export const draft: NewAnnouncement = {
  source: 'default',
  guarantee: 'at-least-once',
  ttlSeconds: null,
  dryRun: false,
  lanes: 1,
  content: { title: 'Hello', body: 'World', image: null, data: {}, options: {} },
};

export const delivered: Outcome = {
  verdict: 'delivered',
  reason: null,
  messageName: 'm',
  retryAfterMs: null,
};

export function outcome(verdict: Outcome['verdict'], reason: string): Outcome {
  return { verdict, reason, messageName: null, retryAfterMs: null };
}

export function madeUpDevices(count: number): NewDevice[] {
  return Array.from({ length: count }, (_, nth) => ({ target: `target-${nth + 1}`, targetKind: 'token' }));
}

export function toMember(memberId: string): Recipient {
  return { deviceId: null, memberId };
}

export function toDevice(deviceId: number): Recipient {
  return { deviceId, memberId: null };
}

/** Devices named `target-1` and so on; the nth belongs to the nth member, null: to none. */
export function devicesOf(...memberIds: readonly (string | null)[]): NewDevice[] {
  return madeUpDevices(memberIds.length).map((device, nth) => ({
    ...device,
    memberId: memberIds[nth] ?? null,
  }));
}

/** One sender for every source. */
export function fixedSender(sender: Sender, check: Senders['check'] = () => {}): Senders {
  return { of: async () => sender, check, close: () => sender.close() };
}

/** A context over a real store, with an FCM and a Lambda that only record what they are asked. */
export interface TestContext extends Context {
  /** Targets in the order in which they were sent. */
  readonly sent: string[];
  /** Jobs in the order in which they were invoked. */
  readonly invoked: PushJob[];
  /** What happened, in order: `invoke 3`, `send 2`. */
  readonly story: string[];
  readonly logged: string[];
}

export interface TestOptions {
  readonly env?: Record<string, string>;
  /** FCM's answer for a device. */
  readonly answer?: (device: Addressee) => Outcome;
  /** Runs before each chunk is sent. */
  readonly beforeSend?: () => Promise<void> | void;
  readonly invoke?: (job: PushJob) => Promise<void>;
  readonly remainingMs?: () => number;
  readonly clock?: Clock;
}

export function makeContext(store: Store, options: TestOptions = {}): TestContext {
  const {
    env = {},
    answer = () => delivered,
    beforeSend,
    invoke,
    remainingMs = () => 300_000,
    clock = systemClock,
  } = options;
  const sent: string[] = [];
  const invoked: PushJob[] = [];
  const story: string[] = [];
  const logged: string[] = [];
  const log = {
    info: (event: string) => void logged.push(event),
    error: (event: string) => void logged.push(event),
  };
  const config = parseConfig({
    PAGE_SIZE: '10',
    BATCH_SIZE: '4',
    WINDOW: '4',
    FCM_RAMP_SECONDS: '0',
    CHECKS: 'none',
    ...env,
  });
  return {
    sent,
    invoked,
    story,
    logged,
    config,
    store,
    gatherer: makeGatherer(),
    clock,
    log,
    stragglers: makeStragglers({ store, clock, log, metrics: noMetrics }),
    signals: makeSignals({ store, clock, log }),
    metrics: noMetrics,
    requestId: 'request-1',
    actor: 'event',
    functionName: 'baton',
    remainingMs,
    senders: fixedSender(
      {
        async send({ devices }) {
          await beforeSend?.();
          story.push(`send ${devices.length}`);
          sent.push(...devices.map(({ target }) => target));
          return devices.map(answer);
        },
        close: async () => {},
      },
      (source) => makeSenders(config, clock).check(source),
    ),
    invoker: {
      async invoke(_name, job) {
        await invoke?.(job);
        story.push(job.kind === 'broadcast' ? `invoke ${job.fromId}` : job.kind);
        invoked.push(job);
      },
      close: () => {},
    },
  };
}
