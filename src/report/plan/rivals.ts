import type { Announcement } from '../../model/announcement.ts';
import { balanceOf } from '../../model/summary.ts';
import type { AnnouncementSummary } from '../../store.ts';
import type { Rival } from './estimate.ts';
import type { Planner } from './plan.ts';

/** A running announcement competes with one that starts within this time: what of it is left later is not known. */
const SOON_MS = 60_000;

/** A scheduled announcement competes with one that starts within this time before or after it. */
const NEAR_MS = 1_800_000;

/** An announcement that an earlier release started has no counted audience: then the one before it is looked at. */
const MAX_PREVIOUS = 5;

export interface KnownRival extends Rival {
  readonly announcementId: number;
}

/** The announcements of a source that share its budget with one that starts at `startsAt` for so many devices. */
export async function fetchRivals(
  { store, clock }: Pick<Planner, 'store' | 'clock'>,
  others: readonly AnnouncementSummary[],
  startsAt: number,
  devices: number,
): Promise<KnownRival[]> {
  const now = clock.now();
  const running = startsAt - now > SOON_MS ? [] : others.filter(({ status }) => status === 'running');
  const totals = await store.fetchTotals(running.map(({ announcementId }) => announcementId));
  const rivals: KnownRival[] = [];
  const add = async (announcementId: number, startsInMs: number, pushes: number): Promise<void> => {
    const lanes = (await store.fetchAnnouncement(announcementId))?.lanes ?? 1;
    if (pushes > 0) rivals.push({ announcementId, startsInMs, pushes, lanes });
  };
  for (const [announcementId, counted] of totals) {
    const audience = balanceOf(counted)?.audience ?? devices;
    await add(announcementId, 0, counted.isRead ? 0 : audience - counted.read);
  }
  for (const { announcementId, audience, status, publishAt } of others) {
    const startsInMs = Math.max(now, publishAt ?? now) - startsAt;
    if (status !== 'scheduled' || Math.abs(startsInMs) > NEAR_MS) continue;
    const isMailing = audience === 'messages';
    const counted = isMailing ? await store.countAudience({ announcementId, audience }, 0) : { devices };
    await add(announcementId, startsInMs, counted.devices);
  }
  return rivals;
}

/** The last announcement that has started for the same kind of audience, and how large it was; null: none. */
export async function fetchPrevious(
  { store }: Pick<Planner, 'store'>,
  others: readonly AnnouncementSummary[],
  { audience }: Pick<Announcement, 'audience'>,
): Promise<{ readonly announcementId: number; readonly audience: number } | null> {
  const started = others.filter((other) => other.audience === audience && other.startedAt !== null);
  const ids = started.slice(0, MAX_PREVIOUS).map(({ announcementId }) => announcementId);
  for (const [announcementId, { audience: counted }] of await store.fetchTotals(ids)) {
    if (counted !== null) return { announcementId, audience: counted.devices };
  }
  return null;
}
