import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MAX_MESSAGES_PER_MAILING } from '../broadcast/scan.ts';
import { PushError } from '../errors.ts';
import { GUARANTEES, MAX_LANES } from '../model/announcement.ts';
import { parseFaults } from '../rehearsal/fcm/faults.ts';
import { defaultTail, parseTail } from '../rehearsal/fcm/latency.ts';
import { parseAnnounced } from '../rehearsal/fcm/announced.ts';
import { parseOutage } from '../rehearsal/fcm/outage.ts';
import { DEFAULT_FAULTS, defaultOptions, type RehearsalOptions } from '../rehearsal/options.ts';
import { MAX_BATCH } from '../rehearsal/queue.ts';
import { rehearse } from '../rehearsal/run.ts';
import { describeSummary, isFlawless } from '../rehearsal/summary.ts';
import { audienceOption } from './audience-option.ts';
import { CANARY_OPTIONS, checkCanaries } from './canary-options.ts';
import { defineCommand } from './command.ts';
import { ENGINE_OPTIONS } from './engine-options.ts';
import {
  JSON_OPTION,
  flag,
  decimal,
  oneOf,
  refuse,
  share,
  text,
  under,
  type ValuesOf,
  wholeNumber,
} from './options.ts';
import { makeProgressBar, type ProgressBar } from './progress.ts';
import { EXIT_INTERRUPTED } from './terminal.ts';

const MAX_PER_MINUTE = 1_000_000_000;
const MAX_FAULTS = 10_000;
/** With this spread, two of a hundred answers already take 400 times the median. */
const MAX_SIGMA = 3;

const OPTIONS = {
  ...under('What to send', {
    devices: wholeNumber('N', 'number of made-up devices', {
      min: 0,
      max: 100_000_000,
      fallback: defaultOptions.devices,
    }),
    audience: audienceOption(
      'broadcast to some of the devices, such as tag:plan=pro; they then say what they are',
    ),
    announcements: wholeNumber('N', 'number of broadcasts at the same time, to the same devices', {
      min: 1,
      max: 100,
      fallback: defaultOptions.announcements,
    }),
    messages: wholeNumber('N', 'send N messages, each with its own content, instead of one to all devices', {
      min: 0,
      max: MAX_MESSAGES_PER_MAILING,
      fallback: 0,
    }),
    queue: wholeNumber('N', 'send N messages from a queue; --duplicate is then the share of its records', {
      min: 0,
      max: 10_000_000,
      fallback: 0,
    }),
    batch: wholeNumber('N', 'records per batch of --queue; more than 10 wait for a batching window', {
      min: 1,
      max: MAX_BATCH,
      fallback: defaultOptions.batch,
    }),
    seed: wholeNumber('N', 'the same seed makes the same faults', {
      min: 0,
      max: 2 ** 32 - 1,
      fallback: defaultOptions.seed,
    }),
  }),
  ...under('Baton', {
    pageSize: wholeNumber('N', 'devices per hop', { min: 1, max: 50_000, fallback: defaultOptions.pageSize }),
    window: wholeNumber('N', 'pushes in flight per hop at most', {
      min: 1,
      max: 10_000,
      fallback: defaultOptions.window,
    }),
    lanes: wholeNumber('N', 'chains of hops side by side', {
      min: 1,
      max: MAX_LANES,
      fallback: defaultOptions.lanes,
    }),
    ...ENGINE_OPTIONS,
    budget: wholeNumber(
      'N',
      'messages per minute that Baton plans with (default: the quota of the sandbox)',
      {
        min: 1,
        max: MAX_PER_MINUTE,
        fallback: null,
      },
    ),
    ramp: wholeNumber('S', 'seconds of the ramp from zero to the full rate; 0: no ramp', {
      min: 0,
      max: 3600,
      fallback: defaultOptions.rampSeconds,
    }),
    transport: oneOf('NAME', 'http2, or sdk for firebase-admin', {
      choices: ['http2', 'sdk'],
      fallback: defaultOptions.transport,
    }),
    guarantee: oneOf('NAME', 'at-least-once or at-most-once', {
      choices: GUARANTEES,
      fallback: defaultOptions.guarantee,
    }),
    database: text('URL', 'mysql://…, or the path of an SQLite file (default: a new file)', {
      fallback: null,
    }),
    resume: flag('continue the rehearsal that was killed in this --database'),
    hurry: wholeNumber(
      'N',
      'divide leases, ticks and retry waits by this factor (leases are 6 s or more); 1: no change',
      { min: 1, max: 1000, fallback: defaultOptions.hurry },
    ),
    timeout: wholeNumber('S', 'time-out of the function in seconds', {
      min: 1,
      max: 900,
      fallback: defaultOptions.timeoutMs / 1000,
    }),
  }),
  ...under('FCM', {
    latency: wholeNumber('MS', 'median answer time of the sandbox', {
      min: 0,
      max: 60_000,
      fallback: defaultOptions.latencyMs,
    }),
    sigma: decimal('N', 'spread of the answer times, which are log-normal; 0: all answers take --latency', {
      min: 0,
      max: MAX_SIGMA,
      fallback: defaultOptions.sigma,
    }),
    tail: text(
      'SHARE:MS',
      '0.002:10000: two of a thousand answers take 10 s; none: no such answers (default: 0.002:8000, shortened by --hurry)',
      { fallback: null },
    ),
    quota: wholeNumber('N', 'messages per minute that the sandbox accepts', {
      min: 1,
      max: MAX_PER_MINUTE,
      fallback: defaultOptions.quotaPerMinute,
    }),
    faults: text(
      'MIX',
      'shares of the pushes that fail: unregistered, invalid, mismatch, unavailable, internal, quota, reset, goaway, silent',
      { fallback: DEFAULT_FAULTS },
    ),
    migrate: share('P', 'share of the phones that move from their token to their FID meanwhile', {
      fallback: defaultOptions.migrate,
    }),
    mislabel: share('P', 'share of the rows that say `fid` of a token, or `token` of a FID', {
      fallback: defaultOptions.mislabel,
    }),
    ...CANARY_OPTIONS,
    outage: text(
      'WHAT',
      '429@5+10: after 5 s FCM answers 429 for 10 s; likewise 503, 400, 401, 403, 404, or silent for no answers',
      { fallback: null },
    ),
    announce: text(
      'DAYS',
      'sunset=2026-12-31,deprecation=2026-06-30: FCM and its token service announce these days in their answers',
      { fallback: null },
    ),
  }),
  ...under('Crashes and losses', {
    kills: wholeNumber('N', 'number of busy workers to kill with kill -9', {
      min: 0,
      max: MAX_FAULTS,
      fallback: 0,
    }),
    duplicate: share('P', 'share of events that Lambda delivers twice', { fallback: 0 }),
    drop: share('P', 'share of events that Lambda loses', { fallback: 0 }),
    dbFaults: wholeNumber('N', 'number of MySQL connections to cut in the middle of a statement', {
      min: 0,
      max: MAX_FAULTS,
      fallback: 0,
    }),
    recursiveLoop: oneOf('WORD', "Lambda's recursive loop detection: Allow or Terminate", {
      choices: ['Allow', 'Terminate'],
      fallback: defaultOptions.recursiveLoop,
    }),
  }),
  json: JSON_OPTION,
};

export const rehearseCommand = defineCommand({
  description:
    'Broadcast to made-up devices through a local Lambda and a sandbox of FCM on this machine, and compare what ' +
    'Baton recorded with what FCM accepted, device by device. Nothing leaves the machine.',
  examples: [
    ['baton rehearse --devices 100000 --kills 5', 'Kill five invocations, and see that no device is lost'],
    ['baton rehearse --outage 503@5+10', 'FCM is down for ten seconds'],
    ['baton rehearse --canaries 5 --dead-canaries 1', 'See which canaries answer'],
  ],
  options: OPTIONS,
  async run({ options }, terminal) {
    const rehearsal = parseOptions(options);
    const { json, verbose } = options;
    const folder = await mkdtemp(join(tmpdir(), 'baton-rehearsal-'));
    let bar: ProgressBar | undefined;
    const work = rehearse(rehearsal, {
      env: terminal.env,
      folder,
      onLog: (line) => {
        if (verbose) terminal.err(`${line}\n`);
      },
      onProgress: (progress, pushes) => {
        if (json) return;
        bar ??= makeProgressBar(pushes, terminal);
        bar.show(progress);
      },
    });
    try {
      // After Ctrl-C the process ends, and its workers with it; only the files have to be removed.
      const summary = await Promise.race([work, terminal.interrupted().then(() => null)]);
      bar?.end();
      if (summary === null) return EXIT_INTERRUPTED;
      terminal.out(json ? `${JSON.stringify(summary)}\n` : describeSummary(summary));
      return isFlawless(summary) ? 0 : 1;
    } finally {
      bar?.end();
      await rm(folder, { recursive: true, force: true });
    }
  },
});

function parseOptions(options: ValuesOf<typeof OPTIONS>): RehearsalOptions {
  const { messages, queue, resume, database, kills, dbFaults, outage, audience } = options;
  if (audience !== null && messages + queue > 0) {
    throw refuse('--audience', 'no --messages or --queue beside it', 'one of them');
  }
  if (resume && database === null) throw refuse('--resume', 'a --database with a killed rehearsal', 'none');
  if (options.migrate + options.mislabel > 0 && (resume || messages + queue > 0)) {
    throw refuse('--migrate, --mislabel', 'no --messages, --queue or --resume beside it', 'one of them');
  }
  if (options.canaries > 0 && (resume || queue + options.migrate + options.mislabel > 0)) {
    throw refuse('--canaries', 'no --queue, --resume, --migrate or --mislabel beside it', 'one of them');
  }
  checkCanaries(options);
  if (dbFaults > 0 && !database?.includes('://')) {
    const got = database === null ? 'none' : 'the path of a file';
    throw refuse('--db-faults', 'a --database mysql://…, which has connections to cut', got);
  }
  if (queue > 0 && (resume || messages > 0 || kills > 0)) {
    throw refuse('--queue', 'no --messages, --resume or --kills beside it', 'one of them');
  }
  const {
    latency,
    quota,
    budget,
    ramp,
    faults,
    tail,
    timeout,
    json: _,
    verbose: __,
    queue: ___,
    announce,
    ...rest
  } = options;
  return {
    ...rest,
    messages: messages + queue,
    isQueue: queue > 0,
    latencyMs: latency,
    quotaPerMinute: quota,
    budgetPerMinute: budget,
    rampSeconds: ramp,
    tail: tail === null ? defaultTail(rest.hurry) : parseTail(tail),
    faults: underOption('--faults', () => parseFaults(faults)),
    outage: outage === null ? null : underOption('--outage', () => parseOutage(outage)),
    announce: announce === null ? {} : underOption('--announce', () => parseAnnounced(announce)),
    timeoutMs: timeout * 1000,
  };
}

/** `underOption` names the option in the errors of a parser that does not know it. */
function underOption<T>(field: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof PushError)) throw error;
    throw PushError.of(
      'BAD_INPUT',
      error.problems.map((problem) => ({ ...problem, field })),
    );
  }
}
