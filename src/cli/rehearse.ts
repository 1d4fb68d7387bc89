import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MAX_MESSAGES_PER_MAILING } from '../broadcast/scan.ts';
import { GUARANTEES, MAX_LANES } from '../model/announcement.ts';
import { parseFaults } from '../rehearsal/fcm/faults.ts';
import { parseOutage } from '../rehearsal/fcm/outage.ts';
import { DEFAULT_FAULTS, defaultOptions, type RehearsalOptions } from '../rehearsal/options.ts';
import { rehearse } from '../rehearsal/run.ts';
import { describeSummary, isFlawless } from '../rehearsal/summary.ts';
import { type Args, type Command, refuse } from './command.ts';
import { makeProgressBar } from './progress.ts';

/** 128 and the number of SIGINT, as shells have it. */
const EXIT_INTERRUPTED = 130;

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
    workers: { value: 'N', default: String(defaultOptions.workers), help: 'invocations at a time' },
    latency: { value: 'MS', default: '50', help: "the sandbox's median answer time" },
    quota: { value: 'N', default: '600000', help: 'messages a minute that the sandbox takes' },
    budget: { value: 'N', help: "messages a minute that Baton plans with [the sandbox's quota]" },
    ramp: { value: 'S', default: '60', help: 'seconds from no push at all to the full rate; 0: at once' },
    faults: {
      value: 'MIX',
      default: DEFAULT_FAULTS,
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
    const isJson = args.flag('json');
    const isVerbose = args.flag('verbose');
    const folder = await mkdtemp(join(tmpdir(), 'baton-rehearsal-'));
    // Workers end by themselves when this process has ended; the files that it made stay.
    process.once('SIGINT', () => {
      rmSync(folder, { recursive: true, force: true });
      process.exit(EXIT_INTERRUPTED);
    });
    let bar: ReturnType<typeof makeProgressBar> | undefined;
    try {
      const summary = await rehearse(options, {
        env: terminal.env,
        folder,
        onLog: (line) => {
          if (isVerbose) terminal.err(`${line}\n`);
        },
        onProgress: (progress, pushes) => {
          if (isJson) return;
          bar ??= makeProgressBar(pushes, terminal);
          bar.show(progress);
        },
      });
      bar?.end();
      terminal.out(isJson ? `${JSON.stringify(summary)}\n` : describeSummary(summary));
      return isFlawless(summary) ? 0 : 1;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

function parseOptions(args: Args): RehearsalOptions {
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
    budgetPerMinute: args.optionalWhole('budget', 1, 1_000_000_000),
    rampSeconds: args.whole('ramp', 0, 3600),
    faults: parseFaults(args.text('faults') ?? ''),
    outage: outage === null ? null : parseOutage(outage),
    transport: args.oneOf('transport', ['http2', 'sdk']),
    guarantee: args.oneOf('guarantee', GUARANTEES),
    kills,
    duplicate: args.share('duplicate'),
    drop: args.share('drop'),
    hurry: args.whole('hurry', 1, 1000),
    timeoutMs: args.whole('timeout', 1, 900) * 1000,
    recursiveLoop: args.oneOf('recursive-loop', ['Allow', 'Terminate']),
    seed: args.whole('seed', 0, 2 ** 32 - 1),
  };
}
