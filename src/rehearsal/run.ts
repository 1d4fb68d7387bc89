import { rm } from 'node:fs/promises';
import { systemClock } from '../clock.ts';
import { type Env, parseDatabaseConfig } from '../config/config.ts';
import { migrateDatabase, openStore } from '../db/open.ts';
import type { Engine } from '../local/engine.ts';
import { follow, type Progress } from '../local/follow.ts';
import type { Store } from '../store.ts';
import { audit, countUnrecorded } from './audit.ts';
import { checkBalances } from './balance.ts';
import { askCanaries, type Canaries, makeCanaries } from './canaries.ts';
import { type Chaos, makeChaos } from './chaos.ts';
import { watchCpu } from './cpu.ts';
import { type FaultyLine, openFaultyLine } from './database-faults.ts';
import { acceptedLogFile, databaseUrlOf, functionEnvironment } from './environment.ts';
import { type Accepted, type LedgerPart, readEvent, type Records } from './ledger-lines.ts';
import { type LocalCloud, startLocalCloud } from './local-cloud.ts';
import {
  drawRecipients,
  type QueueProgress,
  type Recipients,
  seedMessages,
  sendQueue,
  waitForMailing,
} from './messages.ts';
import type { RehearsalOptions } from './options.ts';
import { claimDatabase } from './own-database.ts';
import { byPhone, countLivingMarked, makePhones, type Phones } from './phones.ts';
import { createAnnouncements, fetchUnfinished, seedDevices } from './seed.ts';
import { summarize, type Summary } from './summary.ts';

/** Where a rehearsal takes place. */
export interface RehearsalPlace {
  /** Only the settings of the database connection are read. */
  readonly env: Env;
  /** Variables of the function that replace those that the options make. */
  readonly functionEnv?: Readonly<Record<string, string>>;
  /** An empty folder for the rehearsal's files; the caller removes it. */
  readonly folder: string;
  /** Receives every line that the function and the local Lambda log. */
  readonly onLog?: (line: string) => void;
  /** Receives the progress, and the number of pushes of the whole rehearsal. Not called for a queue. */
  readonly onProgress?: (progress: Progress, pushes: number) => void;
}

/**
 * `rehearse` broadcasts to made-up devices through a local Lambda and an FCM sandbox, and compares the ledger with what FCM
 * accepted, push by push. Throws PushError('BAD_INPUT').
 */
export async function rehearse(options: RehearsalOptions, place: RehearsalPlace): Promise<Summary> {
  const databaseUrl = databaseUrlOf(options, place.folder);
  const config = parseDatabaseConfig({ ...place.env, DATABASE_URL: databaseUrl });
  // Before anything is written: a migration of somebody's own database would be a change too.
  await claimDatabase(config, systemClock, options);
  await migrateDatabase(config, systemClock);
  const store = await openStore(config, systemClock);
  try {
    await seedDevices(store, options);
    const audience = await drawRecipients(store, options.messages, options.devices);
    // All messages are there before the first tick, so that they become one mailing.
    const isMailing = options.messages > 0 && !options.isQueue && !options.resume;
    const newestId = isMailing ? await seedMessages(store, audience) : 0;
    const unfinished = options.resume ? await fetchUnfinished(store, options) : [];
    const aimed = { ...options, devices: await countAimed(store, options) };
    const line = config.kind === 'mysql' && options.dbFaults > 0 ? await openFaultyLine(databaseUrl) : null;
    try {
      const chaos = makeChaos(options);
      const phones = options.migrate + options.mislabel > 0 ? makePhones(options) : null;
      const canaries = options.canaries > 0 ? await makeCanaries(store, options) : null;
      const cloud = await startCloud(options, place, line?.url ?? databaseUrl, { chaos, phones, canaries });
      try {
        const stage = {
          store,
          audience,
          newestId,
          unfinished,
          line,
          chaos,
          phones,
          canaries,
          cloud,
          databaseUrl,
        };
        return await perform(aimed, place, stage);
      } finally {
        await cloud.close();
      }
    } finally {
      await line?.close();
    }
  } finally {
    await store.close();
  }
}

/** The number of devices that each broadcast is for. */
async function countAimed(store: Store, { devices, audience: filter }: RehearsalOptions): Promise<number> {
  if (filter === null) return devices;
  return (await store.countAudience({ announcementId: 0, audience: 'devices', filter }, 0)).devices;
}

async function startCloud(
  options: RehearsalOptions,
  { env, functionEnv = {}, folder, onLog = () => {} }: RehearsalPlace,
  databaseUrl: string,
  { chaos, phones, canaries }: Pick<Stage, 'chaos' | 'phones' | 'canaries'>,
): Promise<LocalCloud> {
  const { seed, latencyMs, sigma, tail, quotaPerMinute, faults, outage, hurry, announce } = options;
  const logFile = acceptedLogFile(options.database ?? databaseUrl);
  if (!options.resume) await rm(logFile, { force: true });
  const functionVariables = { ...functionEnvironment(options, databaseUrl, env), ...functionEnv };
  return startLocalCloud({
    folder,
    fcm: {
      seed,
      latencyMs,
      sigma,
      tail,
      quotaPerMinute,
      faults,
      outage: outage ?? undefined,
      headers: announce,
      deliver: canaries ? (push) => canaries.phones.deliver(push) : undefined,
      isGone: phones ? (target) => phones.isGone(target) : undefined,
      logFile,
      clientTimeoutMs: Number(functionVariables['FCM_TIMEOUT_MS']),
      ...(hurry === 1 ? {} : { retryAfterSeconds: Math.ceil(60 / hurry) }),
    },
    engine: {
      env: functionVariables,
      workers: options.workers,
      recursiveLoop: options.recursiveLoop,
      timeoutMs: options.timeoutMs,
      hurry,
      ticks: !options.isQueue,
      deliveries: chaos.deliveries,
      onLog,
    },
  });
}

interface Stage {
  readonly store: Store;
  readonly audience: Recipients;
  /** The id of the newest announcement before a mailing of this rehearsal. */
  readonly newestId: number;
  /** The announcements that a killed rehearsal left. */
  readonly unfinished: readonly LedgerPart[];
  readonly line: FaultyLine | null;
  readonly chaos: Chaos;
  /** Null: no phone moves, and no row has the wrong kind. */
  readonly phones: Phones | null;
  /** Null: no device is a canary. */
  readonly canaries: Canaries | null;
  readonly cloud: LocalCloud;
  readonly databaseUrl: string;
}

/** `perform` broadcasts, makes the faults, and audits the result. */
async function perform(options: RehearsalOptions, place: RehearsalPlace, stage: Stage): Promise<Summary> {
  const { store, audience, unfinished, line, chaos, phones, canaries, cloud, databaseUrl } = stage;
  const { engine, sandbox } = cloud;
  const acceptedOf = (collapseKey: string): Accepted => {
    const accepted = sandbox.acceptedOf(collapseKey);
    return phones === null ? accepted : byPhone(accepted, phones);
  };
  const records: Records = { store, acceptedOf };
  let unrecorded = 0;
  for (const part of unfinished) unrecorded += await countUnrecorded(records, part);
  const hasMessages = options.messages > 0;
  const pushes = hasMessages ? audience.pushes : options.devices * options.announcements;
  chaos.begin({
    clock: engine.clock,
    lambda: engine.lambda,
    cut: () => line?.cut() ?? false,
    pushes: hasMessages ? pushes : options.devices,
    accepted: () => (hasMessages ? sandbox.stats().accepted : sandbox.accepted.size),
    linesOf: (event) => readEvent(records, event, options.pageSize),
  });
  phones?.begin(store, () => sandbox.accepted.size);
  const readCpu = watchCpu(engine, databaseUrl);
  const { parts, progress, copies } = await broadcast(options, engine, stage, (each) =>
    place.onProgress?.(each, pushes),
  );
  const cpu = readCpu();
  const report = await chaos.end();
  const migrated = (await phones?.end()) ?? 0;
  const livingMarked = phones === null ? 0 : await countLivingMarked(store, phones, options);
  const findings = { lost: 0, duplicated: 0 };
  for (const part of parts) {
    const { lost, duplicated } = await audit(records, part, options.messages);
    findings.lost += lost;
    findings.duplicated += duplicated;
  }
  const ids = parts.map(({ announcementId }) => announcementId);
  const balances = await checkBalances(store, ids);
  const chaosReport = {
    ...report,
    inFlightAtKills: report.inFlightAtKills + unrecorded,
    eventsDuplicated: report.eventsDuplicated + copies,
  };
  const moves = { migrated, livingMarked };
  const fcm = sandbox.stats();
  const ofCanaries = canaries ? await askCanaries(canaries, stage, ids[0] ?? 0) : undefined;
  return summarize(options, progress, {
    findings,
    moves,
    balances,
    canaries: ofCanaries,
    fcm,
    chaos: chaosReport,
    cpu,
  });
}

/** `broadcast` starts everything with the events that a user would send, and follows it to its end. */
async function broadcast(
  options: RehearsalOptions,
  engine: Engine,
  { store, audience, newestId, unfinished }: Pick<Stage, 'store' | 'audience' | 'newestId' | 'unfinished'>,
  onProgress: (progress: Progress) => void,
): Promise<{ parts: readonly LedgerPart[]; progress: QueueProgress; copies: number }> {
  if (options.isQueue) {
    return sendQueue({ engine, store }, audience, options);
  }
  let parts = unfinished;
  if (parts.length === 0 && options.messages > 0) {
    await engine.invoke({ kind: 'scan' });
    const announcementId = await waitForMailing(engine, store, newestId);
    parts = [{ announcementId, audience: 'messages' }];
  } else {
    if (parts.length === 0) parts = await createAnnouncements(store, options);
    for (const { announcementId } of parts) await engine.invoke({ announcementId, deviceId: 0 });
  }
  const ids = parts.map(({ announcementId }) => announcementId);
  return { parts, progress: await follow(engine, store, ids, onProgress), copies: 0 };
}
