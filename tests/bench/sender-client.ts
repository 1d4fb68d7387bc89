/** Runs one way of sending in a process of its own: for each message of its parent it sends to all devices and reports the cost. */
import type { BroadcastJob } from '../../src/job.ts';
import type { NewAnnouncement } from '../../src/model/announcement.ts';
import type { Device, NewDevice } from '../../src/model/device.ts';
import { initializeApp } from 'firebase-admin/app';
import { getMessaging } from 'firebase-admin/messaging';
import { runHop } from '../../src/broadcast/hop.ts';
import { systemClock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { Context } from '../../src/context.ts';
import { migrateDatabase } from '../../src/db/open.ts';
import { openCredentials } from '../../src/fcm/credentials.ts';
import { makeSdkMessage } from '../../src/fcm/message.ts';
import { makeSenders } from '../../src/fcm/open.ts';
import { openServices } from '../../src/handler.ts';
import { redirectSdk } from '../../src/rehearsal/fcm/sdk-redirect.ts';
import { findSource } from '../../src/config/sources.ts';

export type Way = 'sendEach' | 'http2' | 'pipeline';

/** The cost of one push, in microseconds. */
export interface Cost {
  readonly cpuUs: number;
  readonly wallUs: number;
}

const DEVICES_PER_STATEMENT = 2000;

const announcement: NewAnnouncement = {
  source: 'default',
  guarantee: 'at-least-once',
  ttlSeconds: 3600,
  dryRun: false,
  lanes: 1,
  content: { title: 'Back at 9', body: 'The shop opens late today.', image: null, data: {}, options: {} },
};

/** Sends to all devices once; resolves to the number of messages that FCM accepted. */
type Send = () => Promise<number>;

const WAYS: Readonly<Record<Way, (count: number) => Promise<Send>>> = {
  sendEach: prepareSendEach,
  http2: prepareHttp2,
  pipeline: preparePipeline,
};

async function prepareSendEach(count: number): Promise<Send> {
  const config = parseConfig(process.env);
  redirectSdk(config.fcm.endpoint);
  const { credential, projectId } = openCredentials(findSource(config, announcement.source));
  const messaging = getMessaging(initializeApp({ credential, projectId }));
  const chunks = makeChunks(count, config.batchSize);
  return async () => {
    let accepted = 0;
    for (const devices of chunks) {
      const messages = devices.map(makeSdkMessage(batchFor(devices), Date.now()));
      accepted += (await messaging.sendEach(messages)).successCount;
    }
    return accepted;
  };
}

async function prepareHttp2(count: number): Promise<Send> {
  const config = parseConfig(process.env);
  const sender = await makeSenders(config, systemClock).of(announcement.source);
  const chunks = makeChunks(count, config.batchSize);
  return async () => {
    let accepted = 0;
    for (const devices of chunks) {
      const outcomes = await sender.send(batchFor(devices), AbortSignal.timeout(config.fcm.timeoutMs));
      accepted += outcomes.filter(({ verdict }) => verdict === 'delivered').length;
    }
    return accepted;
  };
}

async function preparePipeline(count: number): Promise<Send> {
  await migrateDatabase(parseConfig(process.env).database, systemClock);
  const services = await openServices(process.env, () => {});
  const { store } = services;
  const devices = makeDevices(count);
  for (let first = 0; first < count; first += DEVICES_PER_STATEMENT) {
    await store.addDevices(devices.slice(first, first + DEVICES_PER_STATEMENT));
  }
  return async () => {
    const jobs: BroadcastJob[] = [];
    const ctx: Context = {
      ...services,
      requestId: 'bench',
      actor: 'event',
      functionName: 'bench',
      remainingMs: () => 900_000,
      // This process works the next hop itself.
      invoker: {
        invoke: async (_, job) => {
          if (job.kind === 'broadcast') jobs.push(job);
        },
        close: () => {},
      },
    };
    const announcementId = await store.createAnnouncement(announcement);
    jobs.push({ kind: 'broadcast', announcementId, round: 0, fromId: 0 });
    for (let job = jobs.shift(); job; job = jobs.shift()) await runHop(ctx, job);
    return (await store.countDeliveries(announcementId)).delivered;
  };
}

const batchFor = (devices: readonly Device[]) => ({ ...announcement, collapseKey: 'baton-1', devices });

/** Makes devices with targets as long as the tokens of real phones. */
function makeDevices(count: number): NewDevice[] {
  return Array.from({ length: count }, (_, nth) => ({
    target: `bench-${nth}:`.padEnd(142, 'APA91b'),
    targetKind: 'token',
  }));
}

function makeChunks(count: number, size: number): Device[][] {
  const devices = makeDevices(count).map((device, nth) => ({ ...device, deviceId: nth + 1 }));
  return Array.from({ length: Math.ceil(count / size) }, (_, nth) =>
    devices.slice(nth * size, (nth + 1) * size),
  );
}

const [way = '', messages = ''] = process.argv.slice(2);
const count = Number(messages);
const sending = WAYS[way as Way](count);

process.on('message', () => {
  measure().then(
    (cost) => process.send?.(cost),
    (error: unknown) => {
      process.stderr.write(`${way}: ${String(error)}\n`);
      process.exit(1);
    },
  );
});
process.once('disconnect', () => process.exit());

async function measure(): Promise<Cost> {
  const send = await sending;
  const before = process.cpuUsage();
  const startedAt = performance.now();
  const accepted = await send();
  const { user, system } = process.cpuUsage(before);
  if (accepted !== count) throw new Error(`expected ${count} messages to be accepted, got ${accepted}`);
  return { cpuUs: (user + system) / count, wallUs: ((performance.now() - startedAt) * 1000) / count };
}
