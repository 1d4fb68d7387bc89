import { type Config, parseConfig } from '../config/config.ts';
import { type Announcement, MAX_LANES, type NewAnnouncement } from '../model/announcement.ts';
import type { Content } from '../model/content.ts';
import type { Store } from '../store.ts';
import { availableParallelism } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { systemClock } from '../clock.ts';
import { openStore } from '../db/open.ts';
import { PushError } from '../errors.ts';
import { fetchAccessToken, openCredentials } from '../fcm/credentials.ts';
import { findSource } from '../config/sources.ts';
import { follow, type Progress, startEngine } from '../local/engine.ts';
import { type Args, type Command, refuse, type Terminal } from './command.ts';
import { CONTENT_OPTIONS, parseContent } from './content-options.ts';
import { describeCounts } from './announcement.ts';
import { LOCAL_HURRY, workerEnvironment } from './environment.ts';
import { group, makeProgressBar } from './progress.ts';

export const pushCommand: Command = {
  summary: 'Broadcast to every device in the database through FCM, for real, on this machine.',
  options: {
    announcement: { value: 'ID', help: 'push an announcement that is in push_announcement already' },
    ...CONTENT_OPTIONS,
    at: {
      value: 'TIME',
      help: 'do not push now: set it down for the schedule to start then, such as 2026-12-24T18:07+01:00',
    },
    source: { value: 'NAME', help: 'the Firebase project to push through [FCM_SOURCE]' },
    guarantee: {
      value: 'NAME',
      default: 'at-least-once',
      help: 'after a crash the pushes in flight are sent again; at-most-once: left as unknown',
    },
    lanes: {
      value: 'N',
      default: '1',
      help: 'chains of hops side by side, for a quota that one cannot use up',
    },
    'dry-run': { help: 'let FCM check every message (validate_only) and show none' },
    resume: { help: 'go on with an announcement that was killed, paused or failed' },
    workers: { value: 'N', default: String(2 * availableParallelism()), help: 'invocations at a time' },
    json: { help: 'print one JSON object and nothing else' },
    verbose: { help: "print the function's log as it comes" },
  },
  async run(args, terminal) {
    const workers = args.whole('workers', 1, 1000);
    const at = parseTime(args);
    const config = parseConfig(terminal.env);
    const store = await openStore(config.database, systemClock);
    try {
      // Asked before anything is written, so that a missing or stale key costs nothing.
      const source = findSource(config, await chooseSource(args, config, store));
      await fetchAccessToken(openCredentials(source));
      const announcement = await chooseAnnouncement(args, config, store);
      if (at !== null) return await schedule(announcement, at, store, terminal);
      return await push(announcement, workers, args, config, store, terminal);
    } finally {
      await store.close();
    }
  },
};

async function schedule(
  { announcementId }: Announcement,
  at: Date,
  store: Store,
  { out }: Terminal,
): Promise<number> {
  if (!(await store.scheduleAnnouncement(announcementId, at.getTime()))) {
    throw refuse('announcement', 'one that has not been pushed yet', String(announcementId));
  }
  out(`announcement ${announcementId} scheduled for ${at.toISOString()}\n`);
  return 0;
}

function parseTime(args: Args): Date | null {
  const text = args.text('at');
  if (text === null) return null;
  const time = new Date(text);
  // Without a zone it would mean another time on another machine.
  if (!Number.isNaN(time.getTime()) && /(Z|[+-]\d\d:?\d\d)$/i.test(text)) return time;
  throw refuse('at', 'a time with its zone, such as 2026-12-24T18:07+01:00', JSON.stringify(text));
}

async function push(
  { announcementId }: Announcement,
  workers: number,
  args: Args,
  config: Config,
  store: Store,
  terminal: Terminal,
): Promise<number> {
  const devices = await store.countDevices();
  const json = args.flag('json');
  const bar = makeProgressBar(devices, json ? { ...terminal, err: () => {} } : terminal);
  const engine = await startEngine({
    env: workerEnvironment(terminal.env, config),
    workers,
    hurry: LOCAL_HURRY,
    ticks: true,
    onLog: (line) => {
      if (args.flag('verbose')) terminal.err(`${line}\n`);
    },
  });
  try {
    await engine.invoke({ announcementId, deviceId: 0 });
    // Hops that an earlier run left behind are woken now, and not a minute later.
    if (args.flag('resume')) await engine.invoke({ kind: 'scan' });
    const progress = await follow(engine, store, [announcementId], (each) => bar.show(each));
    bar.end();
    terminal.out(json ? `${JSON.stringify(summarize(progress))}\n` : describe(progress));
    return progress.announcement.status === 'done' ? 0 : 1;
  } finally {
    await engine.close();
  }
}

/** Where the push is to go through: what the announcement says, or --source. */
async function chooseSource(args: Args, config: Config, store: Store): Promise<string> {
  const id = args.optionalWhole('announcement', 1, Number.MAX_SAFE_INTEGER);
  const announcement = id === null ? null : await store.fetchAnnouncement(id);
  return announcement?.source ?? args.text('source') ?? config.source;
}

/** The announcement that --announcement names, or one made from --title and --body. */
async function chooseAnnouncement(args: Args, config: Config, store: Store): Promise<Announcement> {
  const id = args.optionalWhole('announcement', 1, Number.MAX_SAFE_INTEGER);
  const dryRun = args.flag('dry-run');
  const resume = args.flag('resume');
  if (id === null) {
    const { content, ttlSeconds } = parseContent(args);
    if (resume) return chooseUnfinished(store, content, dryRun);
    const source = args.text('source') ?? config.source;
    const guarantee = args.oneOf('guarantee', ['at-least-once', 'at-most-once']);
    const lanes = args.whole('lanes', 1, MAX_LANES);
    return create(store, { source, guarantee, ttlSeconds, dryRun, lanes, content });
  }
  if (args.text('title') !== null || args.text('body') !== null) {
    throw refuse('announcement', 'no --title or --body beside it', 'both');
  }
  const announcement = await store.fetchAnnouncement(id);
  if (!announcement) throw refuse('announcement', 'the id of a row in push_announcement', String(id));
  if (resume) return wake(store, announcement);
  // A dry run has a ledger of its own, so that the real push still finds every device unsent.
  if (dryRun && !announcement.dryRun) return create(store, { ...announcement, dryRun });
  if (announcement.status === 'draft' || announcement.status === 'scheduled') return announcement;
  const expected = 'one that has not been pushed yet, or --resume for one that was interrupted';
  throw refuse('announcement', expected, `${id}, which is ${announcement.status}`);
}

/** The latest that the same command, without --resume, had begun. */
async function chooseUnfinished(store: Store, content: Content, dryRun: boolean): Promise<Announcement> {
  const unfinished = await store.fetchUnfinished(100);
  const same = unfinished.find((each) => each.dryRun === dryRun && isDeepStrictEqual(each.content, content));
  if (same) return wake(store, same);
  throw refuse('resume', 'an unfinished announcement with this title, body, image and data', 'none');
}

/** Paused and failed ones are set running again; what was killed still is. */
async function wake(store: Store, announcement: Announcement): Promise<Announcement> {
  const { announcementId, status } = announcement;
  if (status === 'running') return announcement;
  if (await store.moveAnnouncement(announcementId, ['paused', 'failed'], 'running', null))
    return announcement;
  throw refuse(
    'resume',
    'an announcement that is running, paused or failed',
    `${announcementId}, which is ${status}`,
  );
}

async function create(store: Store, announcement: NewAnnouncement): Promise<Announcement> {
  const id = await store.createAnnouncement(announcement);
  const created = await store.fetchAnnouncement(id);
  if (!created) throw new PushError('DATABASE', `announcement ${id} cannot be read back`);
  return created;
}

function summarize({ announcement, counts, hops, seconds }: Progress) {
  const { announcementId, status, statusReason, dryRun } = announcement;
  return { announcementId, status, reason: statusReason, dryRun, ...counts, hops: hops.closed, seconds };
}

function describe({ announcement, counts, hops, seconds }: Progress): string {
  const { announcementId, status, statusReason, dryRun } = announcement;
  return [
    `announcement ${announcementId} ${status}${dryRun ? ' (dry run: FCM checked every message and showed none)' : ''}`,
    ...(statusReason === null ? [] : [statusReason]),
    '',
    ...describeCounts(counts),
    '',
    `  ${group(hops.closed)} hops, ${seconds.toFixed(1)} s`,
    '',
  ].join('\n');
}
