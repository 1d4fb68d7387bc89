import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../clock.ts';
import { parseDatabaseConfig } from '../config.ts';
import type { NewDevice, Store } from '../context.ts';
import { migrateDatabase, openStore } from '../db/open.ts';
import { audit } from '../local/audit.ts';
import { type Progress, runOnThisMachine } from '../local/engine.ts';
import { writeSandboxCredentials } from '../local/fcm-credentials.ts';
import { parseFaults } from '../local/fcm-faults.ts';
import { type FcmSandbox, startFcmSandbox } from '../local/fcm-sandbox.ts';
import { type Args, type Command, refuse, type Terminal } from './command.ts';
import { group, makeProgressBar } from './progress.ts';

const PROJECT_ID = 'rehearsal';
const TARGET_PREFIX = 'rehearsal-';
const DEVICES_A_STATEMENT = 2000;
const SDK_REDIRECT = fileURLToPath(new URL('../local/sdk-preload.ts', import.meta.url));

export const rehearseCommand: Command = {
  summary:
    'Broadcast to made-up devices through a sandbox of FCM on this machine, and check every one of them.',
  options: {
    devices: { value: 'N', default: '20000', help: 'how many devices to push to' },
    'page-size': { value: 'N', default: '3000', help: 'devices a hop' },
    workers: { value: 'N', default: String(2 * availableParallelism()), help: 'invocations at a time' },
    latency: { value: 'MS', default: '50', help: "the sandbox's median answer time" },
    quota: { value: 'N', default: '600000', help: 'messages a minute that the sandbox takes' },
    faults: {
      value: 'MIX',
      default: 'unregistered=0.01,invalid=0.001',
      help: 'share of pushes that fail: unregistered, invalid, mismatch, unavailable, internal, quota, reset, goaway, silent',
    },
    transport: { value: 'NAME', default: 'http2', help: 'http2, or sdk for firebase-admin' },
    database: { value: 'URL', help: 'mysql://…, or the path of an SQLite file [one made for this run]' },
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
    try {
      return await rehearse(options, folder, terminal);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

type Options = ReturnType<typeof parseOptions>;

function parseOptions(args: Args) {
  return {
    devices: args.whole('devices', 0, 100_000_000),
    pageSize: args.whole('page-size', 1, 50_000),
    workers: args.whole('workers', 1, 1000),
    latencyMs: args.whole('latency', 0, 60_000),
    quotaPerMinute: args.whole('quota', 1, 1_000_000_000),
    faults: parseFaults(args.text('faults') ?? ''),
    transport: args.oneOf('transport', ['http2', 'sdk']),
    database: args.text('database'),
    recursiveLoop: args.oneOf('recursive-loop', ['Allow', 'Terminate']),
    seed: args.whole('seed', 0, 2 ** 32 - 1),
    json: args.flag('json'),
    verbose: args.flag('verbose'),
  };
}

async function rehearse(options: Options, folder: string, terminal: Terminal): Promise<number> {
  const databaseUrl = databaseOf(options, folder);
  const config = parseDatabaseConfig({ ...terminal.env, DATABASE_URL: databaseUrl });
  await migrateDatabase(config, systemClock);
  const store = await openStore(config, systemClock);
  const sandbox = await startFcmSandbox({
    seed: options.seed,
    latencyMs: options.latencyMs,
    quotaPerMinute: options.quotaPerMinute,
    faults: options.faults,
  });
  try {
    await seedDevices(store, options);
    const announcementId = await store.createAnnouncement({
      source: 'default',
      promise: 'at-least-once',
      dryRun: false,
      content: {
        title: 'Rehearsal',
        body: 'Nobody sees this one',
        image: null,
        data: { seed: String(options.seed) },
      },
    });
    const quiet = { ...terminal, err: () => {} };
    const bar = makeProgressBar(options.devices, options.json ? quiet : terminal);
    const progress = await runOnThisMachine({
      store,
      announcementId,
      workers: options.workers,
      recursiveLoop: options.recursiveLoop,
      execArgv: options.transport === 'sdk' ? ['--import', SDK_REDIRECT] : [],
      env: {
        DATABASE_URL: databaseUrl,
        DATABASE_TLS: terminal.env['DATABASE_TLS'] ?? '',
        FCM_ENDPOINT: sandbox.endpoint,
        FCM_PROJECT_ID: PROJECT_ID,
        FCM_TRANSPORT: options.transport,
        GOOGLE_APPLICATION_CREDENTIALS: writeSandboxCredentials(folder, sandbox.tokenUrl),
        PAGE_SIZE: String(options.pageSize),
      },
      onLog: (line) => {
        if (options.verbose) terminal.err(`${line}\n`);
      },
      onProgress: (each) => bar.show(each),
    });
    bar.end();
    const summary = await summarize(options, store, sandbox, progress);
    terminal.out(options.json ? `${JSON.stringify(summary)}\n` : describe(summary));
    return summary.status === 'done' && summary.lost === 0 && summary.duplicated === 0 ? 0 : 1;
  } finally {
    await sandbox.close();
    await store.close();
  }
}

function databaseOf({ database }: Options, folder: string): string {
  if (database === null) return join(folder, 'baton.db');
  return database.includes('://') ? database : resolve(database);
}

/** Made-up devices go only where there are none, or where an earlier rehearsal of this seed has left the same ones. */
async function seedDevices(store: Store, { devices, seed }: Options): Promise<void> {
  const [first] = await store.fetchPage(0, null, 1);
  if (first && !first.target.startsWith(TARGET_PREFIX)) {
    throw refuse(
      'database',
      'one without real devices in it',
      `one with ${await store.countDevices()} devices`,
    );
  }
  for (let made = 0; made < devices; made += DEVICES_A_STATEMENT) {
    const count = Math.min(DEVICES_A_STATEMENT, devices - made);
    await store.addDevices(Array.from({ length: count }, (_, nth) => madeUpDevice(seed, made + nth)));
  }
  const there = await store.countDevices();
  if (there !== devices) {
    throw refuse('database', `one that is empty, or has just these ${devices} devices`, `one with ${there}`);
  }
}

/** As long as the tokens of real phones, which are 142 to 163 characters. */
function madeUpDevice(seed: number, nth: number): NewDevice {
  return { target: `${TARGET_PREFIX}${seed}-${nth}:`.padEnd(142, 'APA91b'), targetKind: 'token' };
}

async function summarize(options: Options, store: Store, sandbox: FcmSandbox, progress: Progress) {
  const { announcement, counts, hops, lambda, seconds } = progress;
  const { lost, duplicated } = await audit(store, announcement.announcementId, sandbox.accepted);
  const recorded = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return {
    devices: options.devices,
    ...counts,
    lost,
    duplicated,
    hops: hops.closed,
    seconds: Number(seconds.toFixed(2)),
    perSecond: Math.round(recorded / seconds),
    throttled: sandbox.stats().throttled,
    peakConcurrency: lambda.peakConcurrency,
    peakRssMb: Math.round(lambda.peakRssMb),
    status: announcement.status,
    reason: announcement.statusReason ?? whyItStopped(progress),
    seed: options.seed,
  };
}

type Summary = Awaited<ReturnType<typeof summarize>>;

/** For an announcement that nothing moves any more, though it has not ended. */
function whyItStopped({ announcement, hops, lambda }: Progress): string | null {
  if (announcement.status !== 'running') return null;
  if (lambda.recursionDropped > 0) {
    return (
      `Lambda's recursive loop detection dropped the next hop after ${hops.closed}: RecursiveLoop is Terminate. ` +
      'Allow it: aws lambda put-function-recursion-config --function-name NAME --recursive-loop Allow ' +
      '(here: --recursive-loop Allow)'
    );
  }
  return `nothing runs and nothing is queued, but ${hops.open} hops are open: --verbose shows the function's log`;
}

function describe(summary: Summary): string {
  const { devices, hops, seconds, perSecond, status, reason } = summary;
  const rows: [string, number, string][] = [
    ['delivered', summary.delivered, 'accepted by FCM'],
    ['unregistered', summary.unregistered, 'the app is gone from the device'],
    ['rejected', summary.rejected, 'the target is no good'],
    ['misconfigured', summary.misconfigured, 'refused for no fault of the device'],
    ['retryable', summary.retryable, 'not taken this time'],
    ['unknown', summary.unknown, 'no answer came'],
    ['lost', summary.lost, "missing from the ledger, or in it against FCM's own log"],
    ['duplicated', summary.duplicated, "accepted more than once, by FCM's own log"],
    ['throttled', summary.throttled, 'answers that the quota is used up'],
  ];
  return [
    `${status}: ${group(devices)} devices, ${group(hops)} hops, ${seconds} s, ${group(perSecond)} pushes a second`,
    ...(reason === null ? [] : [reason]),
    '',
    ...rows.map(([name, count, meaning]) => `  ${name.padEnd(14)}${group(count).padStart(11)}   ${meaning}`),
    '',
    `  ${summary.peakConcurrency} invocations at a time at the most, ${summary.peakRssMb} MB the largest worker`,
    '',
  ].join('\n');
}
