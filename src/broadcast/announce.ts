import * as z from 'zod';
import { checkTexts } from '../content/render.ts';
import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';
import { fitsFcm, TOO_BIG } from '../fcm/size.ts';
import type { AnnounceJob } from '../job.ts';
import { GUARANTEES, isSeries, MAX_LANES, TEMPLATE_LANGUAGES } from '../model/announcement.ts';
import {
  contentFields,
  IDEMPOTENCY_KEY,
  makeContent,
  requestFields,
  unknownFields,
  withContentRules,
} from '../model/content.ts';
import { checkView } from '../model/audience-views.ts';
import { filterSchema } from '../model/filter.ts';
import { isOwnKey, keyOfRequest, OWN_KEYS } from '../model/keys.ts';
import { localesSchema } from '../model/locales.ts';
import { isPast, timeSchema } from '../model/time.ts';
import { parseWallTime, WALL_TIME, ZONE } from '../model/zones.ts';
import { CRON } from './repeat.ts';
import { formatTime } from '../words.ts';
import { describeSeries, findFirstTime } from './series.ts';

/** An announcement has one time at most. It is also called with requests that are wrong otherwise. */
function hasOneTime(fields: {
  readonly publishAt?: unknown;
  readonly localTime?: unknown;
  readonly repeat?: unknown;
}): boolean {
  return [fields.publishAt, fields.localTime, fields.repeat].filter((time) => time ?? null).length <= 1;
}

const ONE_TIME = { path: ['publishAt'], error: 'one of publishAt, localTime and repeat' };

const EXPECTED = 'a whole number of devices, 1 or more';
const LANES = `a whole number from 1 to ${MAX_LANES}`;

/** The fields of an announcement in an event or a request. */
const announceFields = z.strictObject(
  {
    ...contentFields,
    ...requestFields,
    idempotencyKey: requestFields.idempotencyKey.refine((key) => !isOwnKey(key ?? ''), {
      error: `${IDEMPOTENCY_KEY}, not beginning with ${OWN_KEYS.join(' or ')}`,
    }),
    guarantee: z.enum(GUARANTEES, { error: GUARANTEES.join(' or ') }).default('at-least-once'),
    dryRun: z.boolean({ error: 'true or false' }).default(false),
    lanes: z.int({ error: LANES }).min(1, { error: LANES }).max(MAX_LANES, { error: LANES }).default(1),
    publishAt: timeSchema.nullish(),
    localTime: z
      .string({ error: WALL_TIME })
      .refine((text) => parseWallTime(text) !== null, { error: WALL_TIME })
      .nullish()
      .describe('each device gets it at this wall-clock time in its own time zone'),
    repeat: z
      .strictObject(
        {
          at: z
            .string({ error: CRON })
            .max(100, { error: CRON })
            .describe('a cron expression of five fields'),
          zone: z.string({ error: ZONE }).max(64, { error: ZONE }).describe('an IANA time zone'),
        },
        { error: unknownFields('an object with at and zone') },
      )
      .nullish()
      .describe('each occurrence is an announcement of its own'),
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
  .refine(hasOneTime, ONE_TIME)
  .transform((fields): AnnounceJob => {
    const { source, guarantee, dryRun, lanes, publishAt, idempotencyKey, ...rest } = fields;
    const { localTime, repeat, audience, locales, template, expectedAudience, ...content } = rest;
    return {
      kind: 'announce',
      source: source ?? null,
      announcement: {
        guarantee,
        dryRun,
        lanes,
        ...makeContent(content),
        ...(localTime ? { localTime } : {}),
        ...(repeat ? { repeat } : {}),
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
  /** When the announcement starts, or its first part is made, in milliseconds since the epoch. */
  readonly publishAt: number;
}

/**
 * Puts an announcement into the table, to start at its time. Refuses what would fail for every device: PushError
 * ('NO_SUCH_SOURCE') for a source that is not configured, ('BAD_CREDENTIALS') for one without readable credentials,
 * ('KEY_REUSED') for the key of an announcement with other content, ('BAD_INPUT') for a local time that has passed, a repeat that
 * never occurs, an audience with a table that AUDIENCE_VIEWS does not name, templates that cannot be read, and the text of a
 * locale that is too long.
 */
export async function announce(ctx: Context, job: AnnounceJob): Promise<AnnounceReport> {
  const { store, senders, config, clock, log, requestId, actor } = ctx;
  const source = job.source ?? config.source;
  senders.check(source);
  checkView('audience.view', job.announcement.filter, config.database);
  await checkTexts(job.announcement);
  const { announcement } = job;
  // Lambda repeats a failed event with the same request id.
  const key = job.idempotencyKey ?? keyOfRequest(requestId);
  const publishAt = isSeries(announcement)
    ? await findTimeOfSeries(ctx, { ...announcement, source }, key)
    : (job.publishAt ?? clock.now());
  const { announcementId, isNew, isSame } = await store.createAnnouncementOnce(
    { ...announcement, source },
    key,
    publishAt,
    actor,
  );
  if (!isSame) {
    const expected = 'a new key, or the same announcement as the first request with this key';
    const got = `another announcement than ${announcementId}`;
    throw PushError.of('KEY_REUSED', [{ field: 'idempotencyKey', expected, got }]);
  }
  if (isNew && isSeries(announcement)) {
    const reason = `${describeSeries(announcement)}, first ${formatTime(publishAt)} UTC`;
    await store.moveTime(announcementId, publishAt, { publishAt, reason, why: null });
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

/** The time of the first part of a series; of one that an earlier request has made, its time now: the first may have passed. */
async function findTimeOfSeries(
  ctx: Context,
  plan: Parameters<typeof findFirstTime>[1],
  key: string,
): Promise<number> {
  const earlier = await ctx.store.findByKey(key);
  return earlier === null ? findFirstTime(ctx, plan) : (earlier.publishAt ?? ctx.clock.now());
}
