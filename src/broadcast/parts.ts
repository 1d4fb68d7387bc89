import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';
import type { SendableAnnouncement } from '../model/announcement.ts';
import type { DeviceFilter } from '../model/filter.ts';
import { keyOfPart } from '../model/keys.ts';

/** More names of zones become several parts. A filter takes 1000. */
const NAMES_PER_PART = 900;

/** An instant at which parts are due. */
export interface DueInstant {
  readonly instant: number;
  /** The zones that have it, by the names that devices say; null: devices without one. Absent: it is for all zones. */
  readonly names?: readonly (string | null)[];
}

/**
 * Makes the parts of an announcement for an instant, and resolves to their number. The nth part has a key of its own, which only
 * one tick can take; of the names of zones, each part has those that no part before it has. So each name is in one part, though
 * ticks see other names, overlap or die in between. PushError('BAD_INPUT') if an announcement that is no part has such a key.
 */
export async function makePartsAt(
  ctx: Context,
  parent: SendableAnnouncement,
  { instant, names }: DueInstant,
): Promise<number> {
  const filter = parent.filter ?? null;
  if (names === undefined) {
    await makePart(ctx, parent, { instant, nth: 0, filter });
    return 1;
  }
  const wanted = filter?.timeZone;
  let left = wanted ? names.filter((name) => wanted.includes(name)) : names;
  let nth = 0;
  for (; left.length > 0; nth++) {
    const timeZone = left.slice(0, NAMES_PER_PART);
    const { announcementId, isNew } = await makePart(ctx, parent, {
      instant,
      nth,
      filter: { ...filter, timeZone },
    });
    left = isNew ? left.slice(NAMES_PER_PART) : await withoutNamesOf(ctx, announcementId, left);
  }
  return nth;
}

interface NewPart {
  readonly instant: number;
  /** Its number among the parts with the same instant. */
  readonly nth: number;
  readonly filter: DeviceFilter | null;
}

async function makePart(
  { store, log }: Context,
  parent: SendableAnnouncement,
  { instant, nth, filter }: NewPart,
): Promise<{ announcementId: number; isNew: boolean }> {
  const { announcementId: partOf, source, guarantee, ttlSeconds, dryRun, lanes, content } = parent;
  const { locales = null, template = null, expectedAudience = null } = parent;
  const key = keyOfPart(partOf, instant, nth);
  const { announcementId, isNew, isSame } = await store.createAnnouncementOnce(
    {
      source,
      guarantee,
      ttlSeconds,
      dryRun,
      lanes,
      content,
      locales,
      template,
      partOf,
      filter,
      // The number is that of all zones together.
      expectedAudience: parent.repeat ? expectedAudience : null,
    },
    key,
    instant,
    'schedule',
  );
  // A part may differ: the row, or the part, was edited since.
  if (!isSame && (await store.fetchAnnouncement(announcementId))?.partOf !== partOf) {
    const expected = `no announcement but a part with ${key}`;
    throw PushError.of('BAD_INPUT', [{ field: 'idempotency_key', expected, got: String(announcementId) }]);
  }
  if (isNew) log.info('part made', { announcementId, partOf, publishAt: new Date(instant).toISOString() });
  return { announcementId, isNew };
}

/** The names that are not in a part which was made before. One whose zones cannot be read may be for all of them. */
async function withoutNamesOf(
  { store }: Context,
  announcementId: number,
  names: readonly (string | null)[],
): Promise<readonly (string | null)[]> {
  const part = await store.fetchAnnouncement(announcementId);
  const taken = part?.filter?.timeZone;
  if (!taken) return [];
  // In a team's own view, whose collation ignores case, the same zone may have another spelling at the next tick.
  const folded = new Set(taken.map((name) => name?.toLowerCase() ?? null));
  return names.filter((name) => !folded.has(name?.toLowerCase() ?? null));
}
