import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/config.ts';
import { PushError } from '../errors.ts';
import { type Aim, type Announcement, isSeries, type NewAnnouncement } from '../model/announcement.ts';
import { checkView } from '../model/audience-views.ts';
import type { Content } from '../model/content.ts';
import type { DeviceFilter } from '../model/filter.ts';
import type { Store } from '../store.ts';
import { terminalActor } from './actor.ts';
import { parseContent } from './content-options.ts';
import { refuse } from './options.ts';
import type { PushOptions } from './push-options.ts';
import { checkSeries } from './series-options.ts';

/** Number of unfinished announcements that `--resume` compares with the command line. */
const MAX_UNFINISHED = 100;

/** `checkContent` refuses options that are no content, and content beside --announcement. PushError('BAD_INPUT'). */
export function checkContent(options: PushOptions): void {
  checkSeries(options);
  if (options.announcement === null) {
    parseContent(options);
  } else if (options.title !== null || options.body !== null) {
    throw refuse('--announcement', 'no --title or --body beside it', 'both');
  } else if (options.audience !== null) {
    throw refuse('--announcement', 'no --audience beside it', 'both');
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
 * `chooseAnnouncement` fetches the announcement of --announcement, or creates one with --title and --body, and `plan`.
 * PushError('BAD_INPUT').
 */
export async function chooseAnnouncement(
  options: PushOptions,
  config: Config,
  store: Store,
  plan: Pick<Aim, 'localTime' | 'repeat'> = {},
): Promise<Announcement> {
  const { announcement: announcementId, audience: filter, dryRun, resume, guarantee, lanes } = options;
  if (announcementId === null) {
    const { content, ttlSeconds } = parseContent(options);
    if (resume) return chooseUnfinished(store, content, { filter, dryRun });
    const source = options.source ?? config.source;
    checkView('--audience: view', filter, config.database);
    return create(store, { source, guarantee, ttlSeconds, dryRun, lanes, content, filter, ...plan });
  }
  const announcement = await store.fetchAnnouncement(announcementId);
  if (!announcement) {
    throw refuse('--announcement', 'the id of a row in push_announcement', String(announcementId));
  }
  if (resume) return wake(store, announcement);
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
  if (announcement.status === 'draft' || announcement.status === 'scheduled') return announcement;
  const expected = 'one that has not been pushed yet, or --resume for one that was interrupted';
  throw refuse('--announcement', expected, `${announcementId}, which is ${announcement.status}`);
}

/** `chooseUnfinished` is the latest unfinished announcement that this command line without --resume created. */
async function chooseUnfinished(
  store: Store,
  content: Content,
  { filter, dryRun }: { readonly filter: DeviceFilter | null; readonly dryRun: boolean },
): Promise<Announcement> {
  const unfinished = await store.fetchUnfinished(MAX_UNFINISHED);
  const same = unfinished.find(
    (each) =>
      each.dryRun === dryRun &&
      isDeepStrictEqual(each.content, content) &&
      isDeepStrictEqual(each.filter ?? null, filter),
  );
  if (same) return wake(store, same);
  throw refuse(
    '--resume',
    'an unfinished announcement with this title, body, image, data and audience',
    'none',
  );
}

/** `wake` sets a paused or failed announcement running. If its push was killed, it is still running. */
async function wake(store: Store, announcement: Announcement): Promise<Announcement> {
  const { announcementId, status } = announcement;
  if (status === 'running') return announcement;
  if (await store.moveAnnouncement(announcementId, ['paused', 'failed'], 'running', null, terminalActor()))
    return announcement;
  const got = `${announcementId}, which is ${status}`;
  throw refuse('--resume', 'an announcement that is running, paused or failed', got);
}

async function create(store: Store, announcement: NewAnnouncement): Promise<Announcement> {
  const announcementId = await store.createAnnouncement(announcement, terminalActor());
  const row = await store.fetchAnnouncement(announcementId);
  if (!row) throw new PushError('DATABASE', `announcement ${announcementId} cannot be read back`);
  return row;
}
