import { recordStartRequest } from '../broadcast/announcement.ts';
import { audienceIn, isUnapproved, waitsForApproval } from '../broadcast/may-start.ts';
import { describeSeries } from '../broadcast/series.ts';
import { heedQuietHours, type Quiet } from '../broadcast/start-time.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import type { LiveConfig } from '../config/live.ts';
import { findSource } from '../config/sources.ts';
import { openStore } from '../db/open.ts';
import { openRenewingStore } from '../db/renewing-store.ts';
import { describeFailure } from '../errors.ts';
import { fetchAccessToken, openCredentials } from '../fcm/credentials.ts';
import { startEngine } from '../local/engine.ts';
import { follow, type Progress } from '../local/follow.ts';
import type { Announcement } from '../model/announcement.ts';
import { isPast } from '../model/time.ts';
import type { Store } from '../store.ts';
import { formatCount, formatTime } from '../words.ts';
import { terminalActor } from './actor.ts';
import { Interrupted } from './ask.ts';
import { checkContent, chooseAnnouncement, chooseSource } from './choose-announcement.ts';
import { defineCommand } from './command.ts';
import { confirmPush } from './confirm.ts';
import { LOCAL_HURRY, workerSettings } from './environment.ts';
import { refuse } from './options.ts';
import { makeProgressBar } from './progress.ts';
import { PUSH_OPTIONS, type PushOptions } from './push-options.ts';
import { pushTests } from './push-tests.ts';
import { openLiveConfig } from './scan.ts';
import { planSeries } from './series-options.ts';
import { fetchStanding, makeKnowledge, type Standing } from '../report/standing.ts';
import { describeCounts, describeErrors } from './status-text.ts';
import { EXIT_INTERRUPTED, type Terminal } from './terminal.ts';

export const pushCommand = defineCommand({
  description:
    'Broadcast to every device in the database, or to those of --audience, through FCM, for real, on this machine. ' +
    'With --at, --local-time or --repeat, only schedule it: the schedule (on AWS, or `baton serve`) then starts it.',
  examples: [
    [
      'baton push --title "Back at 9" --body "We open late today." --dry-run',
      'Check it first: no phone shows it',
    ],
    [
      'baton push --title "Back at 9" --body "We open late today." --to test',
      'Try it: send it to the test devices only',
    ],
    ['baton push --title "Back at 9" --body "We open late today."', 'Push it now'],
    [
      'baton push --title "Back at 9" --body "We open late today." --yes --expect 20000',
      'Push it from a script',
    ],
    [
      'baton push --title "Back at 9" --body "…" --repeat "0 9 * * 1" --zone Europe/Berlin',
      'Each Monday at nine; the schedule sends it',
    ],
    ['baton push --announcement 42 --resume', 'Continue after a crash, a pause or a failure'],
  ],
  options: PUSH_OPTIONS,
  readsSecrets: true,
  async run({ options }, terminal) {
    // Content that is not valid needs no database and no key to be refused.
    await checkContent(options);
    if (options.to.length > 0) return pushTests(options, terminal);
    const live = await openLiveConfig(terminal);
    const { config } = live;
    const store = await openRenewingStore(live, ({ database }) => openStore(database, systemClock));
    try {
      // Checked before anything is written: a missing or expired key then leaves no announcement behind.
      const sourceName = await chooseSource(options, config, store);
      await fetchAccessToken(openCredentials(findSource(config, sourceName)));
      const series = await planSeries({ store, config, clock: systemClock }, options, sourceName);
      const confirmation = {
        isGiven: options.yes,
        at: series === null ? options.at : new Date(series.firstAt),
      };
      const announcement = await chooseAnnouncement(
        options,
        config,
        store,
        (chosen) => confirmPush(chosen, confirmation, { store, config }, terminal),
        series?.plan,
      );
      if (series !== null) return await scheduleSeries(announcement, series.firstAt, store, terminal);
      if (options.at !== null) return await schedule(announcement, options.at, { store, config }, terminal);
      const starter = { store, config, clock: systemClock, actor: terminalActor() };
      const quiet = await heedQuietHours(starter, announcement);
      if (quiet !== null) return tellQuiet(announcement, quiet, terminal);
      return await push(announcement, options, live, store, terminal);
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      terminal.err('nothing was sent\n');
      return EXIT_INTERRUPTED;
    } finally {
      await store.close();
    }
  },
});

async function schedule(
  announcement: Announcement,
  at: Date,
  { store, config }: { readonly store: Store; readonly config: Config },
  { out }: Terminal,
): Promise<number> {
  const { announcementId } = announcement;
  if (!(await store.scheduleAnnouncement(announcementId, at.getTime(), terminalActor()))) {
    throw refuse('--announcement', 'one that has not been pushed yet', String(announcementId));
  }
  const past = isPast(at.getTime(), systemClock.now()) ? ', which has passed: the next tick starts it' : '';
  const words = `announcement ${announcementId} scheduled for ${at.toISOString()}${past}\n`;
  const waits = isUnapproved(announcement, config)
    ? `it starts only if a second person has approved it: \`baton approve ${announcementId}\`\n`
    : '';
  out(`${words}${waits}`);
  return 0;
}

/** Schedules an announcement that is sent in parts, which only the tick makes. */
async function scheduleSeries(
  announcement: Announcement,
  firstAt: number,
  store: Store,
  { out }: Terminal,
): Promise<number> {
  const { announcementId } = announcement;
  await store.scheduleAnnouncement(announcementId, firstAt, terminalActor());
  const reason = `${describeSeries(announcement)}, first ${formatTime(firstAt)} UTC`;
  await store.moveTime(announcementId, firstAt, { publishAt: firstAt, reason, why: null });
  out(`announcement ${announcementId} scheduled: ${reason}\n`);
  return 0;
}

/** Says what quiet hours do with an announcement: the schedule starts it, or goes on with it, at their end, or it is cancelled. */
function tellQuiet(
  { announcementId }: Announcement,
  { reason, isCancelled }: Quiet,
  { out, err }: Terminal,
): number {
  if (isCancelled) {
    err(`announcement ${announcementId} cancelled: ${reason}\n`);
    return 1;
  }
  out(`announcement ${announcementId} waits: ${reason}; the schedule sends it then\n`);
  return 0;
}

async function push(
  announcement: Announcement,
  { workers, verbose, json, resume }: PushOptions,
  live: LiveConfig,
  store: Store,
  terminal: Terminal,
): Promise<number> {
  const { announcementId } = announcement;
  const { devices } = await store.countAudience(announcement, 0);
  const bar = makeProgressBar(devices, json ? { ...terminal, live: false, err: () => {} } : terminal);
  const settings = workerSettings(live, (error) =>
    terminal.err(`secrets not read: ${describeFailure(error)}\n`),
  );
  const engine = await startEngine({
    ...settings,
    // A check would take a worker from the push, and be killed at its end.
    env: { ...settings.env, CHECKS: 'none' },
    workers,
    hurry: LOCAL_HURRY,
    ticks: true,
    onLog: (line) => {
      if (verbose) terminal.err(`${line}\n`);
    },
  });
  try {
    await recordStartRequest({ store, actor: terminalActor() }, announcementId, 0);
    await engine.invoke({ announcementId, deviceId: 0 });
    // Wakes the hops that a killed push left, without waiting for the next tick.
    if (resume) await engine.invoke({ kind: 'scan' });
    const progress = await follow(engine, store, [announcementId], (each) => bar.show(each));
    bar.end();
    const observer = { store, clock: systemClock, ...makeKnowledge(live.config) };
    const { errors } = await fetchStanding(observer, announcementId);
    terminal.out(json ? `${JSON.stringify(summarize(progress, errors))}\n` : describe(progress, errors));
    return progress.announcement.status === 'done' ? 0 : 1;
  } finally {
    bar.end();
    await engine.close();
  }
}

function summarize({ announcement, counts, hops, seconds }: Progress, errors: Standing['errors']) {
  const { announcementId, status, statusReason, dryRun } = announcement;
  const reasons = Object.fromEntries(errors.map(({ reason, pushes }) => [reason, pushes]));
  const standing = { announcementId, status, reason: statusReason, dryRun };
  return { ...standing, ...counts, errors: reasons, hops: hops.closed, seconds };
}

function describe({ announcement, counts, hops, seconds }: Progress, errors: Standing['errors']): string {
  const { announcementId, status, statusReason, dryRun } = announcement;
  return [
    `announcement ${announcementId} ${status}${dryRun ? ' (dry run: FCM checked every message and showed none)' : ''}`,
    ...(statusReason === null ? [] : [statusReason]),
    ...describeNextStep(announcement),
    '',
    ...describeCounts(counts),
    ...describeErrors(errors),
    '',
    `  ${formatCount(hops.closed)} hops, ${seconds.toFixed(1)} s`,
    '',
  ].join('\n');
}

/** What to do about an announcement that was paused at its start. */
function describeNextStep(announcement: Announcement): string[] {
  const { announcementId, statusReason } = announcement;
  return [
    ...(waitsForApproval(announcement)
      ? [`a second person approves it: \`baton approve ${announcementId}\``]
      : []),
    ...(audienceIn(statusReason) === null
      ? []
      : [`to send it all the same: \`baton push --announcement ${announcementId} --resume\``]),
  ];
}
