import type { AnnounceJob } from '../job.ts';
import { MAX_LANES } from '../model/announcement.ts';
import * as z from 'zod';
import { contentFields, makeContent, requestFields, unknownFields } from '../model/content.ts';
import { fitsFcm, TOO_BIG } from '../fcm/size.ts';
import type { Context } from '../context.ts';

const LANES = `a whole number from 1 to ${MAX_LANES}`;
const TIME = 'a time with its zone, such as 2026-12-24T18:07+01:00';

/** An announcement as an event or a request brings it. */
const announceFields = z.strictObject(
  {
    ...contentFields,
    ...requestFields,
    guarantee: z
      .enum(['at-least-once', 'at-most-once'], { error: 'at-least-once or at-most-once' })
      .default('at-least-once'),
    dryRun: z.boolean({ error: 'true or false' }).default(false),
    lanes: z.int({ error: LANES }).min(1, { error: LANES }).max(MAX_LANES, { error: LANES }).default(1),
    publishAt: z.iso.datetime({ offset: true, error: TIME }).nullish(),
  },
  { error: unknownFields('an announcement') },
);

export const announceSchema = announceFields.refine(fitsFcm, TOO_BIG).transform((fields): AnnounceJob => {
  const { source, guarantee, dryRun, lanes, publishAt, idempotencyKey, ...content } = fields;
  return {
    kind: 'announce',
    source: source ?? null,
    announcement: { guarantee, dryRun, lanes, ...makeContent(content) },
    publishAt: publishAt ? Date.parse(publishAt) : null,
    idempotencyKey: idempotencyKey ?? null,
  };
});

export interface Announced {
  readonly kind: 'announce';
  readonly announcementId: number;
  /** False: an earlier request of the same idempotency key has made it. */
  readonly isNew: boolean;
  /** When it is to start, in milliseconds since the epoch. */
  readonly publishAt: number;
}

/**
 * Puts an announcement into the table, to start at its time. What would fail for every device is refused here: a source that
 * is not configured (PushError 'NO_SUCH_SOURCE'), or without readable credentials ('BAD_CREDENTIALS').
 */
export async function announce(
  { store, senders, config, clock, log, requestId }: Context,
  { source: named, announcement, publishAt: wanted, idempotencyKey }: AnnounceJob,
): Promise<Announced> {
  const source = named ?? config.source;
  senders.check(source);
  const publishAt = wanted ?? clock.now();
  // Lambda repeats a failed event under the same request id.
  const key = idempotencyKey ?? `request:${requestId}`;
  const made = await store.createAnnouncementOnce({ ...announcement, source }, key, publishAt);
  log.info('announcement made', { ...made, source, publishAt: new Date(publishAt).toISOString() });
  return { kind: 'announce', ...made, publishAt };
}
