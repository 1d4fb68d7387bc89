import type { AnnouncementSummary, Store } from '../store.ts';

/** When an announcement is due, and when it started and ended, in milliseconds since the epoch; null: not known, or not yet. */
export type Times = Pick<AnnouncementSummary, 'publishAt' | 'startedAt' | 'finishedAt'>;

/** Reads the times of an announcement. */
export async function fetchTimes(
  { store }: { readonly store: Pick<Store, 'fetchLatest'> },
  announcementId: number,
): Promise<Times> {
  const [latest] = await store.fetchLatest(1, announcementId + 1);
  const { publishAt = null, startedAt = null, finishedAt = null } = latest ?? {};
  return { publishAt, startedAt, finishedAt };
}
