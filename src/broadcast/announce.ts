import * as z from 'zod';
import { checkTexts } from '../content/render.ts';
import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';
import { fitsFcm, TOO_BIG } from '../fcm/size.ts';
import type { AnnounceJob } from '../job.ts';
import { GUARANTEES, MAX_LANES, TEMPLATE_LANGUAGES } from '../model/announcement.ts';
import {
  contentFields,
  makeContent,
  requestFields,
  unknownFields,
  withContentRules,
} from '../model/content.ts';
import { checkView } from '../model/audience-views.ts';
import { filterSchema } from '../model/filter.ts';
import { localesSchema } from '../model/locales.ts';
import { isPast, timeSchema } from '../model/time.ts';

const EXPECTED = 'a whole number of devices, 1 or more';
const LANES = `a whole number from 1 to ${MAX_LANES}`;

/** The fields of an announcement in an event or a request. */
const announceFields = z.strictObject(
  {
    ...contentFields,
    ...requestFields,
    guarantee: z.enum(GUARANTEES, { error: GUARANTEES.join(' or ') }).default('at-least-once'),
    dryRun: z.boolean({ error: 'true or false' }).default(false),
    lanes: z.int({ error: LANES }).min(1, { error: LANES }).max(MAX_LANES, { error: LANES }).default(1),
    publishAt: timeSchema.nullish(),
    audience: filterSchema.nullish(),
    locales: localesSchema.nullish(),
    template: z.enum(TEMPLATE_LANGUAGES, { error: TEMPLATE_LANGUAGES.join(' or ') }).nullish(),
    expectedAudience: z.int({ error: EXPECTED }).min(1, { error: EXPECTED }).nullish(),
  },
  { error: unknownFields('an announcement') },
);

/** An announcement in an event or a request -> the job that puts it into the table. */
export const announceSchema = withContentRules(announceFields)
  .refine(({ title, locales }) => title !== undefined || (locales ?? null) === null, {
    path: ['locales'],
    error: 'a title and a body beside it, for devices of other locales',
  })
  // The size of a template is not that of its messages.
  .refine((fields) => (fields.template ?? null) !== null || fitsFcm(fields), TOO_BIG)
  .transform((fields): AnnounceJob => {
    const { source, guarantee, dryRun, lanes, publishAt, idempotencyKey, ...rest } = fields;
    const { audience, locales, template, expectedAudience, ...content } = rest;
    return {
      kind: 'announce',
      source: source ?? null,
      announcement: {
        guarantee,
        dryRun,
        lanes,
        ...makeContent(content),
        ...(audience ? { filter: audience } : {}),
        ...(locales ? { locales } : {}),
        ...(template ? { template } : {}),
        ...(expectedAudience ? { expectedAudience } : {}),
      },
      publishAt: publishAt ?? null,
      idempotencyKey: idempotencyKey ?? null,
    };
  });

export interface AnnounceReport {
  readonly kind: 'announce';
  readonly announcementId: number;
  /** False: an earlier request with the same idempotency key has made the announcement. */
  readonly isNew: boolean;
  /** When the announcement starts, in milliseconds since the epoch. */
  readonly publishAt: number;
}

/**
 * Puts an announcement into the table, to start at its time. Refuses what would fail for every device: PushError
 * ('NO_SUCH_SOURCE') for a source that is not configured, ('BAD_CREDENTIALS') for one without readable credentials,
 * ('KEY_REUSED') for the key of an announcement with other content, ('BAD_INPUT') for an audience with a table that
 * AUDIENCE_VIEWS does not name, for templates that cannot be read and for the text of a locale that is too long.
 */
export async function announce(
  { store, senders, config, clock, log, requestId, actor }: Context,
  job: AnnounceJob,
): Promise<AnnounceReport> {
  const source = job.source ?? config.source;
  senders.check(source);
  checkView('audience.view', job.announcement.filter, config.database);
  await checkTexts(job.announcement);
  const publishAt = job.publishAt ?? clock.now();
  // Lambda repeats a failed event with the same request id.
  const key = job.idempotencyKey ?? `request:${requestId}`;
  const { announcementId, isNew, isSame } = await store.createAnnouncementOnce(
    { ...job.announcement, source },
    key,
    publishAt,
    actor,
  );
  if (!isSame) {
    const expected = 'a new key, or the same announcement as the first request with this key';
    const got = `another announcement than ${announcementId}`;
    throw PushError.of('KEY_REUSED', [{ field: 'idempotencyKey', expected, got }]);
  }
  log.info('announcement made', {
    announcementId,
    isNew,
    source,
    publishAt: new Date(publishAt).toISOString(),
    ...(isPast(publishAt, clock.now()) ? { isPast: true } : {}),
  });
  return { kind: 'announce', announcementId, isNew, publishAt };
}
