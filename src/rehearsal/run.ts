import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../clock.ts';
import { type Env, parseDatabaseConfig } from '../config/config.ts';
import { migrateDatabase, openStore } from '../db/open.ts';
import { type Engine, follow, type Progress, startEngine } from '../local/engine.ts';
import type { Store } from '../store.ts';
import { audit, countUnrecorded } from './audit.ts';
import { makeChaos } from './chaos.ts';
import { openFaultyLine } from './database-faults.ts';
import { acceptedLogFile, databaseUrlOf, functionEnvironment } from './environment.ts';
import { startFcmSandbox } from './fcm/sandbox.ts';
import { type AcceptedOf, AT_ONCE, readEvent, type Which } from './ledger-lines.ts';
import {
  drawRecipients,
  type QueueProgress,
  type Recipients,
  seedMessages,
  untilRun,
  workQueue,
} from './messages.ts';
import type { RehearsalOptions } from './options.ts';
import { createAnnouncements, fetchUnfinished, seedDevices } from './seed.ts';
import { summarize, type Summary } from './summary.ts';

const SDK_PRELOAD = fileURLToPath(new URL('fcm/sdk-preload.ts', import.meta.url));

/** Where a rehearsal takes place. */
export interface RehearsalPlace {
  /** Only the settings of the database connection are read. */
  readonly env: Env;
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
  const { seed, latencyMs, quotaPerMinute, faults, outage, hurry, devices, pageSize } = options;
  const { onLog = () => {}, onProgress = () => {} } = place;
  const databaseUrl = databaseUrlOf(options, place.folder);
  const config = parseDatabaseConfig({ ...place.env, DATABASE_URL: databaseUrl });
  const logFile = acceptedLogFile(options.database ?? databaseUrl);
  if (!options.resume) await rm(logFile, { force: true });
  await migrateDatabase(config, systemClock);
  const store = await openStore(config, systemClock);
  const sandbox = await startFcmSandbox({
    seed,
    latencyMs,
    quotaPerMinute,
    faults,
    outage: outage ?? undefined,
    logFile,
    ...(hurry === 1 ? {} : { retryAfterSeconds: Math.ceil(60 / hurry) }),
  });
  const line = config.kind === 'mysql' && options.dbFaults > 0 ? await openFaultyLine(databaseUrl) : null;
  await seedDevices(store, options);
  const audience = await drawRecipients(store, options.messages, devices);
  // All of them before the first tick, so that they become one mailing.
  if (!options.resume && !options.isQueue) await seedMessages(store, audience);
  const chaos = makeChaos(options);
  const engine = await startEngine({
    env: functionEnvironment(options, line?.url ?? databaseUrl, sandbox, place),
    workers: options.workers,
    recursiveLoop: options.recursiveLoop,
    timeoutMs: options.timeoutMs,
    hurry,
    ticks: !options.isQueue,
    execArgv: options.transport === 'sdk' ? ['--import', SDK_PRELOAD] : [],
    deliveries: chaos.deliveries,
    onLog,
  });
  try {
    const acceptedOf: AcceptedOf = (collapseKey) => sandbox.acceptedOf(collapseKey);
    const unfinished = options.resume ? await fetchUnfinished(store, options) : [];
    let unrecorded = 0;
    for (const which of unfinished) unrecorded += await countUnrecorded(store, which, acceptedOf);
    const isOfMessages = options.messages > 0;
    const pushes = isOfMessages ? audience.pushes : devices * options.announcements;
    chaos.begin({
      lambda: engine.lambda,
      cut: () => line?.cut() ?? false,
      expected: isOfMessages ? pushes : devices,
      accepted: () => (isOfMessages ? sandbox.stats().accepted : sandbox.accepted.size),
      linesOf: (event) => readEvent(store, event, pageSize, acceptedOf),
    });
    const { all, progress, copies } = await perform(options, engine, store, audience, unfinished, (each) =>
      onProgress(each, pushes),
    );
    const faultReport = await chaos.end();
    const report = {
      ...faultReport,
      inFlightAtKills: faultReport.inFlightAtKills + unrecorded,
      eventsDuplicated: faultReport.eventsDuplicated + copies,
    };
    const findings = { lost: 0, duplicated: 0 };
    for (const which of all) {
      const { lost, duplicated } = await audit(store, which, options.messages, acceptedOf);
      findings.lost += lost;
      findings.duplicated += duplicated;
    }
    return summarize(options, progress, findings, sandbox.stats(), report);
  } finally {
    await engine.close();
    await line?.close();
    await sandbox.close();
    await store.close();
  }
}

/** `perform` starts the broadcasts with the events that a user would send, and follows them to their end. */
async function perform(
  options: RehearsalOptions,
  engine: Engine,
  store: Store,
  audience: Recipients,
  unfinished: readonly Which[],
  onProgress: (progress: Progress) => void,
): Promise<{ all: readonly Which[]; progress: QueueProgress; copies: number }> {
  if (options.isQueue) return { all: [AT_ONCE], ...(await workQueue(engine, store, audience, options)) };
  let all = unfinished;
  if (all.length === 0 && options.messages > 0) {
    await engine.invoke({ kind: 'scan' });
    all = [{ announcementId: await untilRun(store), audience: 'messages' }];
  } else {
    if (all.length === 0) all = await createAnnouncements(store, options);
    for (const { announcementId } of all) await engine.invoke({ announcementId, deviceId: 0 });
  }
  const ids = all.map(({ announcementId }) => announcementId);
  return { all, progress: await follow(engine, store, ids, onProgress), copies: 0 };
}
