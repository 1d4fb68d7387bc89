import { isDeepStrictEqual } from 'node:util';
import { resumeAnnouncement } from '../broadcast/announcement.ts';
import type { Config } from '../config/config.ts';
import { PushError } from '../errors.ts';
import type { Announcement, NewAnnouncement } from '../model/announcement.ts';
import type { Content } from '../model/content.ts';
import type { Store } from '../store.ts';
import { terminalActor } from './actor.ts';
import { parseContent } from './content-options.ts';
import { refuse } from './options.ts';
import type { PushOptions } from './push-options.ts';

/** Number of unfinished announcements that `--resume` compares with the command line. */
const MAX_UNFINISHED = 100;

/** `checkContent` refuses options that are no content, and what only a new announcement has beside an earlier one. PushError('BAD_INPUT'). */
export function checkContent(options: PushOptions): void {
  if (options.announcement === null) {
    parseContent(options);
  } else if (options.title !== null || options.body !== null) {
    throw refuse('--announcement', 'no --title or --body beside it', 'both');
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
 * `chooseAnnouncement` fetches the announcement of --announcement, or creates one with --title and --body. It calls `confirm`
 * before it creates one, or resolves to one that has not started. PushError('BAD_INPUT'), and what `confirm` throws.
 */
export async function chooseAnnouncement(
  options: PushOptions,
  config: Config,
  store: Store,
  confirm: (announcement: NewAnnouncement | Announcement) => Promise<void>,
): Promise<Announcement> {
  const { announcement: announcementId, dryRun, resume, guarantee, lanes, expect } = options;
  if (announcementId === null) {
    const { content, ttlSeconds } = parseContent(options);
    if (resume) return chooseUnfinished(config, store, content, dryRun);
    const source = options.source ?? config.source;
    const added = { source, guarantee, ttlSeconds, dryRun, lanes, content, expectedAudience: expect };
    await confirm(added);
    return create(store, added);
  }
  const announcement = await store.fetchAnnouncement(announcementId);
  if (!announcement) {
    throw refuse('--announcement', 'the id of a row in push_announcement', String(announcementId));
  }
  if (resume) return wake(config, store, announcement);
  // A dry run has a ledger of its own, so that the real push still finds every device unsent.
  if (dryRun && !announcement.dryRun) {
    const { content, problem } = announcement;
    if (content === null)
      throw refuse('--announcement', 'a row that can be sent', problem ?? 'one without content');
    return create(store, { ...announcement, content, dryRun });
  }
  if (announcement.status === 'draft' || announcement.status === 'scheduled') {
    await confirm(announcement);
    return announcement;
  }
  const expected = 'one that has not been pushed yet, or --resume for one that was interrupted';
  throw refuse('--announcement', expected, `${announcementId}, which is ${announcement.status}`);
}

/** `chooseUnfinished` is the latest unfinished announcement that this command line without --resume created. */
async function chooseUnfinished(
  config: Config,
  store: Store,
  content: Content,
  dryRun: boolean,
): Promise<Announcement> {
  const unfinished = await store.fetchUnfinished(MAX_UNFINISHED);
  const same = unfinished.find((each) => each.dryRun === dryRun && isDeepStrictEqual(each.content, content));
  if (same) return wake(config, store, same);
  throw refuse('--resume', 'an unfinished announcement with this title, body, image and data', 'none');
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
