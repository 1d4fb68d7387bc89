import { MAX_LANES } from '../model/announcement.ts';
import type { NewDevice } from '../model/device.ts';
import type { Store } from '../store.ts';
import { hash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../clock.ts';
import { parseDatabaseConfig } from '../config/config.ts';
import { migrateDatabase, openStore } from '../db/open.ts';
import { audit, countUnrecorded } from '../rehearsal/audit.ts';
import { makeChaos } from '../rehearsal/chaos.ts';
import { openFaultyLine } from '../rehearsal/database-faults.ts';
import { type Engine, follow, type Progress, startEngine } from '../local/engine.ts';
import { type AcceptedOf, AT_ONCE, readEvent, type Which } from '../rehearsal/ledger-lines.ts';
import { writeSandboxCredentials } from '../rehearsal/fcm/credentials.ts';
import { parseFaults } from '../rehearsal/fcm/faults.ts';
import { parseOutage } from '../rehearsal/fcm/outage.ts';
import { type FcmSandbox, startFcmSandbox } from '../rehearsal/fcm/sandbox.ts';
import { type Args, type Command, refuse, type Terminal } from './command.ts';
import { makeProgressBar } from './progress.ts';
import { MAX_MESSAGES_PER_MAILING } from '../broadcast/scan.ts';
import {
  drawRecipients,
  type Recipients,
  memberOf,
  type QueueProgress,
  seedMessages,
  untilRun,
  workQueue,
} from '../rehearsal/messages.ts';
import { describeSummary, isFlawless, summarize } from '../rehearsal/summary.ts';

const PROJECT_ID = 'rehearsal';
/** 128 and the number of SIGINT, as shells have it. */
const EXIT_INTERRUPTED = 130;

const TARGET_PREFIX = 'rehearsal-';
const DEVICES_PER_STATEMENT = 2000;
const SDK_PRELOAD = fileURLToPath(new URL('../rehearsal/fcm/sdk-preload.ts', import.meta.url));

export const rehearseCommand: Command = {
  summary:
    'Broadcast to made-up devices through a sandbox of FCM on this machine, and check every one of them.',
  options: {
    devices: { value: 'N', default: '20000', help: 'how many devices to push to' },
    messages: {
      value: 'N',
      default: '0',
      help: 'push N messages to them, each its own, instead of one to all',
    },
    queue: { value: 'N', default: '0', help: 'the same from a queue; --duplicate is of its records then' },
    'page-size': { value: 'N', default: '3000', help: 'devices a hop' },
    lanes: { value: 'N', default: '1', help: 'chains of hops side by side' },
    announcements: { value: 'N', default: '1', help: 'so many broadcasts at once, to the same devices' },
    workers: { value: 'N', default: String(2 * availableParallelism()), help: 'invocations at a time' },
    latency: { value: 'MS', default: '50', help: "the sandbox's median answer time" },
    quota: { value: 'N', default: '600000', help: 'messages a minute that the sandbox takes' },
    budget: { value: 'N', help: "messages a minute that Baton plans with [the sandbox's quota]" },
    ramp: { value: 'S', default: '60', help: 'seconds from no push at all to the full rate; 0: at once' },
    faults: {
      value: 'MIX',
      default: 'unregistered=0.01,invalid=0.001',
      help: 'share of pushes that fail: unregistered, invalid, mismatch, unavailable, internal, quota, reset, goaway, silent',
    },
    outage: {
      value: 'WHAT',
      help: '429@5+10: from the fifth second on FCM answers 429 for ten; or 503, 401, 404, or silent for no answers',
    },
    transport: { value: 'NAME', default: 'http2', help: 'http2, or sdk for firebase-admin' },
    database: { value: 'URL', help: 'mysql://…, or the path of an SQLite file [one made for this run]' },
    guarantee: { value: 'NAME', default: 'at-least-once', help: 'or at-most-once' },
    kills: { value: 'N', default: '0', help: 'kill -9 of a busy worker, so many times' },
    duplicate: { value: 'P', default: '0', help: 'share of events that Lambda delivers twice' },
    drop: { value: 'P', default: '0', help: 'share of events that Lambda loses' },
    'db-faults': { value: 'N', default: '0', help: 'cut a MySQL connection in mid-statement, so many times' },
    resume: { help: 'go on with the rehearsal that was killed in this --database' },
    hurry: {
      value: 'N',
      default: '20',
      help: 'shorten leases, ticks and retry waits by this factor (leases to 6 s at the least); 1 keeps them',
    },
    timeout: { value: 'S', default: '300', help: "the function's time-out in seconds" },
    'recursive-loop': {
      value: 'WORD',
      default: 'Allow',
      help: "Lambda's recursive loop detection: Allow or Terminate",
    },
    seed: { value: 'N', default: '1', help: 'the same seed makes the same faults' },
    json: { help: 'print one JSON object and nothing else' },
    verbose: { help: "print the function's log as it comes" },
  },
  async run(args, terminal) {
    const options = parseOptions(args);
    const folder = await mkdtemp(join(tmpdir(), 'baton-rehearsal-'));
    // Workers end by themselves when this process has gone; what it made on disk does not.
    process.once('SIGINT', () => {
      rmSync(folder, { recursive: true, force: true });
      process.exit(EXIT_INTERRUPTED);
    });
    try {
      return await rehearse(options, folder, terminal);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

type Options = ReturnType<typeof parseOptions>;

function parseOptions(args: Args) {
  const database = args.text('database');
  const resume = args.flag('resume');
  const outage = args.text('outage');
  const dbFaults = args.whole('db-faults', 0, 10_000);
  if (resume && database === null)
    throw refuse('resume', 'a --database that a rehearsal was killed in', 'none');
  if (dbFaults > 0 && !database?.includes('://')) {
    throw refuse('db-faults', 'a --database mysql://…, which has connections to cut', database ?? 'none');
  }
  const messages = args.whole('messages', 0, MAX_MESSAGES_PER_MAILING);
  const queue = args.whole('queue', 0, 10_000_000);
  const kills = args.whole('kills', 0, 10_000);
  if (queue > 0 && (resume || messages > 0 || kills > 0))
    throw refuse('queue', 'no --messages, --resume or --kills beside it', 'one of them');
  return {
    messages: messages + queue,
    isQueue: queue > 0,
    resume,
    dbFaults,
    database,
    devices: args.whole('devices', 0, 100_000_000),
    pageSize: args.whole('page-size', 1, 50_000),
    lanes: args.whole('lanes', 1, MAX_LANES),
    announcements: args.whole('announcements', 1, 100),
    workers: args.whole('workers', 1, 1000),
    latencyMs: args.whole('latency', 0, 60_000),
    quotaPerMinute: args.whole('quota', 1, 1_000_000_000),
    budget: args.optionalWhole('budget', 1, 1_000_000_000) ?? args.whole('quota', 1, 1_000_000_000),
    rampSeconds: args.whole('ramp', 0, 3600),
    faults: parseFaults(args.text('faults') ?? ''),
    outage: outage === null ? undefined : parseOutage(outage),
    transport: args.oneOf('transport', ['http2', 'sdk']),
    guarantee: args.oneOf('guarantee', ['at-least-once', 'at-most-once']),
    kills,
    duplicate: args.share('duplicate'),
    drop: args.share('drop'),
    hurry: args.whole('hurry', 1, 1000),
    timeoutMs: args.whole('timeout', 1, 900) * 1000,
    recursiveLoop: args.oneOf('recursive-loop', ['Allow', 'Terminate']),
    seed: args.whole('seed', 0, 2 ** 32 - 1),
    json: args.flag('json'),
    verbose: args.flag('verbose'),
  };
}

async function rehearse(options: Options, folder: string, terminal: Terminal): Promise<number> {
  const { seed, latencyMs, quotaPerMinute, faults, hurry, devices, pageSize } = options;
  const databaseUrl = databaseOf(options, folder);
  const config = parseDatabaseConfig({ ...terminal.env, DATABASE_URL: databaseUrl });
  const logFile = acceptedLogFile(options.database ?? databaseUrl);
  if (!options.resume) await rm(logFile, { force: true });
  await migrateDatabase(config, systemClock);
  const store = await openStore(config, systemClock);
  const sandbox = await startFcmSandbox({
    seed,
    latencyMs,
    quotaPerMinute,
    faults,
    outage: options.outage,
    logFile,
    ...(hurry === 1 ? {} : { retryAfterSeconds: Math.ceil(60 / hurry) }),
  });
  const line = config.kind === 'mysql' && options.dbFaults > 0 ? await openFaultyLine(databaseUrl) : null;
  await seedDevices(store, options);
  const audience = await drawRecipients(store, options.messages, devices);
  // All of them before the first tick, so that they become one run.
  if (!options.resume && !options.isQueue) await seedMessages(store, audience);
  const chaos = makeChaos(options);
  const engine = await startEngine({
    env: functionEnvironment(options, line?.url ?? databaseUrl, sandbox, folder, terminal),
    workers: options.workers,
    recursiveLoop: options.recursiveLoop,
    timeoutMs: options.timeoutMs,
    hurry,
    ticks: !options.isQueue,
    execArgv: options.transport === 'sdk' ? ['--import', SDK_PRELOAD] : [],
    deliveries: chaos.deliveries,
    onLog: (text) => {
      if (options.verbose) terminal.err(`${text}\n`);
    },
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
    const bar = makeProgressBar(pushes, options.json ? { ...terminal, err: () => {} } : terminal);
    const { all, progress, copies } = await perform(options, engine, store, audience, unfinished, (each) =>
      bar.show(each),
    );
    bar.end();
    const did = await chaos.end();
    const inFlightAtKills = did.inFlightAtKills + unrecorded;
    const eventsDuplicated = did.eventsDuplicated + copies;
    const findings = { lost: 0, duplicated: 0 };
    for (const which of all) {
      const { lost, duplicated } = await audit(store, which, options.messages, acceptedOf);
      findings.lost += lost;
      findings.duplicated += duplicated;
    }
    const report = { ...did, inFlightAtKills, eventsDuplicated };
    const summary = summarize(options, progress, findings, sandbox.stats(), report);
    terminal.out(options.json ? `${JSON.stringify(summary)}\n` : describeSummary(summary));
    return isFlawless(summary) ? 0 : 1;
  } finally {
    await engine.close();
    await line?.close();
    await sandbox.close();
    await store.close();
  }
}

/** Starts it as anybody would, and sees it through to its end. */
async function perform(
  options: Options,
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

/** What an earlier rehearsal has left. */
async function fetchUnfinished(store: Store, { announcements }: Options): Promise<Which[]> {
  const unfinished = await store.fetchUnfinished(announcements);
  if (unfinished.length > 0) return unfinished;
  throw refuse('resume', 'a database with an unfinished rehearsal', 'one without');
}

async function createAnnouncements(
  store: Store,
  { announcements, guarantee, lanes, seed }: Options,
): Promise<Which[]> {
  const created: Which[] = [];
  for (let nth = 1; nth <= announcements; nth++) {
    const announcementId = await store.createAnnouncement({
      source: 'default',
      guarantee,
      ttlSeconds: null,
      dryRun: false,
      lanes,
      content: {
        title: 'Rehearsal',
        body: 'Nobody sees this one',
        image: null,
        data: { seed: String(seed) },
        options: {},
      },
    });
    created.push({ announcementId, audience: 'devices' });
  }
  return created;
}

/** What the function would have on Lambda; only the endpoints and the waits differ. */
function functionEnvironment(
  { transport, pageSize, hurry, budget, rampSeconds }: Options,
  databaseUrl: string,
  sandbox: FcmSandbox,
  folder: string,
  { env }: Terminal,
): Record<string, string> {
  return {
    DATABASE_URL: databaseUrl,
    DATABASE_TLS: env['DATABASE_TLS'] ?? '',
    FCM_ENDPOINT: sandbox.endpoint,
    FCM_PROJECT_ID: PROJECT_ID,
    FCM_TRANSPORT: transport,
    GOOGLE_APPLICATION_CREDENTIALS: writeSandboxCredentials(folder, sandbox.tokenUrl),
    PAGE_SIZE: String(pageSize),
    FCM_MESSAGES_PER_MINUTE: String(budget),
    FCM_RAMP_SECONDS: String(Math.ceil(rampSeconds / hurry)),
    ...hurriedWaits(hurry),
  };
}

/**
 * A lease outlasts FCM's answer, and both outlast a busy machine: they are not shortened below 6 s and 2 s. A worker that
 * is starved for longer than its lease is taken for dead, and what it had on its way is sent again.
 */
function hurriedWaits(hurry: number): Record<string, string> {
  const waits = {
    FCM_TIMEOUT_MS: Math.max(2000, 10_000 / hurry),
    LEASE_MS: Math.max(6000, 30_000 / hurry),
    DEADLINE_RESERVE_MS: Math.max(3000, 15_000 / hurry),
    RETRY_MS: 10_000 / hurry,
    QUOTA_RETRY_MS: 60_000 / hurry,
  };
  return Object.fromEntries(Object.entries(waits).map(([name, ms]) => [name, String(Math.ceil(ms))]));
}

function databaseOf({ database }: Options, folder: string): string {
  if (database === null) return join(folder, 'baton.db');
  return database.includes('://') ? database : resolve(database);
}

/** The sandbox's log for a --database: it outlives this process, so that --resume finds both. */
export function acceptedLogFile(database: string): string {
  if (!database.includes('://')) return `${resolve(database)}.accepted.log`;
  return join(tmpdir(), `baton-rehearsal-${hash('md5', database)}.accepted.log`);
}

/** Made-up devices go only where there are none, or where an earlier rehearsal of this seed has left the same ones. */
async function seedDevices(store: Store, { devices, seed }: Options): Promise<void> {
  const [first] = await store.fetchDevices(0, 1);
  if (first && !first.target.startsWith(TARGET_PREFIX)) {
    throw refuse(
      'database',
      'one without real devices in it',
      `one with ${await store.countDevices()} devices`,
    );
  }
  for (let made = 0; made < devices; made += DEVICES_PER_STATEMENT) {
    const count = Math.min(DEVICES_PER_STATEMENT, devices - made);
    await store.addDevices(Array.from({ length: count }, (_, nth) => madeUpDevice(seed, made + nth)));
  }
  const there = await store.countDevices();
  if (there !== devices) {
    throw refuse('database', `one that is empty, or has just these ${devices} devices`, `one with ${there}`);
  }
}

/** As long as the tokens of real phones, which are 142 to 163 characters. */
function madeUpDevice(seed: number, nth: number): NewDevice {
  return {
    target: `${TARGET_PREFIX}${seed}-${nth}:`.padEnd(142, 'APA91b'),
    targetKind: 'token',
    memberId: memberOf(nth),
  };
}
