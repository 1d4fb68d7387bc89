import { isDeepStrictEqual } from 'node:util';
import { resumeAnnouncement } from '../broadcast/announcement.ts';
import type { Config } from '../config/config.ts';
import { PushError } from '../errors.ts';
import { type Aim, type Announcement, isSeries, type NewAnnouncement } from '../model/announcement.ts';
import { checkView } from '../model/audience-views.ts';
import type { Store } from '../store.ts';
import { terminalActor } from './actor.ts';
import { parseContent, readTexts } from './content-options.ts';
import { refuse } from './options.ts';
import type { PushOptions } from './push-options.ts';
import { checkSeries } from './series-options.ts';

/** Number of unfinished announcements that `--resume` compares with the command line. */
const MAX_UNFINISHED = 100;

/** `checkContent` refuses options that are no content, and what only a new announcement has beside an earlier one. PushError('BAD_INPUT'). */
export async function checkContent(options: PushOptions): Promise<void> {
  checkSeries(options);
  if (options.announcement === null) {
    parseContent(options);
    await readTexts(options);
  } else if (options.locales !== null || options.template) {
    throw refuse('--announcement', 'no --locales or --template beside it', 'both');
  } else if (options.title !== null || options.body !== null) {
    throw refuse('--announcement', 'no --title or --body beside it', 'both');
  } else if (options.audience !== null) {
    throw refuse('--announcement', 'no --audience beside it', 'both');
  }
  if (options.expect !== null && (options.announcement !== null || options.resume)) {
    const expected = 'a new announcement beside it; a row has the column expected_audience';
    throw refuse('--expect', expected, options.resume ? '--resume' : '--announcement');
  }
}

/** `chooseSource` is the source of the announcement, or for a new announcement --source or FCM_SOURCE. */
export async function chooseSource(
  { announcement: announcementId, source }: PushOptions,
  config: Config,
  store: Store,
): Promise<string> {
  const announcement = announcementId === null ? null : await store.fetchAnnouncement(announcementId);
  return announcement?.source ?? source ?? config.source;
}

/**
 * `chooseAnnouncement` fetches the announcement of --announcement, or creates one with --title and --body, and `plan`. It calls
 * `confirm` before it creates one, or resolves to one that has not started. PushError('BAD_INPUT'), and what `confirm` throws.
 */
export async function chooseAnnouncement(
  options: PushOptions,
  config: Config,
  store: Store,
  confirm: (announcement: NewAnnouncement | Announcement) => Promise<void>,
  plan: Pick<Aim, 'localTime' | 'repeat'> = {},
): Promise<Announcement> {
  const { announcement: announcementId, dryRun, resume } = options;
  if (announcementId === null) {
    const composed = { ...(await composeAnnouncement(options, config)), ...plan };
    if (resume) return chooseUnfinished(config, store, composed, dryRun);
    await confirm(composed);
    return create(store, composed);
  }
  const announcement = await findNamed(announcementId, store);
  if (resume) return wake(config, store, announcement);
  // A dry run has a ledger of its own, so that the real push still finds every device unsent.
  if (dryRun && !announcement.dryRun) {
    const { content, problem } = announcement;
    if (content === null)
      throw refuse('--announcement', 'a row that can be sent', problem ?? 'one without content');
    // It goes to everybody now, in one part.
    return create(store, { ...announcement, content, dryRun, localTime: null, repeat: null, partOf: null });
  }
  if (isSeries(announcement)) {
    const others = 'one without local_time and repeat_at: the schedule sends those in parts';
    throw refuse('--announcement', others, String(announcementId));
  }
  if (announcement.status === 'draft' || announcement.status === 'scheduled') {
    await confirm(announcement);
    return announcement;
  }
  const expected = 'one that has not been pushed yet, or --resume for one that was interrupted';
  throw refuse('--announcement', expected, `${announcementId}, which is ${announcement.status}`);
}

/** `composeAnnouncement` is the announcement that the options say, which is in no table yet. PushError('BAD_INPUT'). */
export async function composeAnnouncement(options: PushOptions, config: Config): Promise<NewAnnouncement> {
  const { dryRun, guarantee, lanes, audience: filter, expect: expectedAudience } = options;
  const source = options.source ?? config.source;
  checkView('--audience: view', filter, config.database);
  const given = { source, guarantee, dryRun, lanes, filter, expectedAudience };
  return { ...given, ...parseContent(options), ...(await readTexts(options)) };
}

/** `findNamed` is the announcement of --announcement. PushError('BAD_INPUT'). */
export async function findNamed(announcementId: number, store: Store): Promise<Announcement> {
  const announcement = await store.fetchAnnouncement(announcementId);
  if (announcement) return announcement;
  throw refuse('--announcement', 'the id of a row in push_announcement', String(announcementId));
}

type Composed = Pick<NewAnnouncement, 'content' | 'locales' | 'template' | 'filter'>;

/** `chooseUnfinished` is the latest unfinished announcement that this command line without --resume created. */
async function chooseUnfinished(
  config: Config,
  store: Store,
  { content, locales, template, filter }: Composed,
  dryRun: boolean,
): Promise<Announcement> {
  const unfinished = await store.fetchUnfinished(MAX_UNFINISHED);
  const same = unfinished.find(
    (each) =>
      each.dryRun === dryRun &&
      isDeepStrictEqual(each.content, content) &&
      isDeepStrictEqual(each.filter ?? null, filter ?? null) &&
      isDeepStrictEqual(each.locales ?? null, locales ?? null) &&
      (each.template ?? null) === (template ?? null),
  );
  if (same) return wake(config, store, same);
  throw refuse(
    '--resume',
    'an unfinished announcement with this title, body, image, data and audience',
    'none',
  );
}

/** `wake` sets a paused or failed announcement running. If its push was killed, it is still running. */
async function wake(config: Config, store: Store, announcement: Announcement): Promise<Announcement> {
  const { announcementId, status } = announcement;
  if (status === 'running') return announcement;
  if (status === 'paused' || status === 'failed') {
    const accepts = { acceptEdits: false, acceptUnregistered: false };
    return resumeAnnouncement({ store, actor: terminalActor(), config }, announcementId, accepts);
  }
  const got = `${announcementId}, which is ${status}`;
  throw refuse('--resume', 'an announcement that is running, paused or failed', got);
}

async function create(store: Store, announcement: NewAnnouncement): Promise<Announcement> {
  const announcementId = await store.createAnnouncement(announcement, terminalActor());
  const row = await store.fetchAnnouncement(announcementId);
  if (!row) throw new PushError('DATABASE', `announcement ${announcementId} cannot be read back`);
  return row;
}
