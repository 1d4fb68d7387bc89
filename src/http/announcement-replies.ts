import * as z from 'zod';
import { type Announcement, ANNOUNCEMENT_STATUSES, AUDIENCES, GUARANTEES } from '../model/announcement.ts';
import { type Verdict, VERDICTS } from '../model/delivery.ts';
import { CHECKS, NOTICE_LEVELS } from '../model/notice.ts';
import type { Listed, Standing } from '../report/standing.ts';
import { toIso } from '../words.ts';

export const announcementId = z.int();

const shared = z.object({
  announcementId,
  status: z.enum(ANNOUNCEMENT_STATUSES),
  reason: z.string().nullable().describe('why the announcement has this status'),
  source: z.string(),
  dryRun: z.boolean(),
});
export const standing = shared.extend({
  guarantee: z.enum(GUARANTEES),
  problem: z.string().nullable().describe('why the row of the announcement cannot be sent'),
  edited: z
    .array(z.string())
    .describe('columns that were changed since the approval or the start, without effect'),
  approvedBy: z.string().nullable().describe('who has approved it: the caller of the route approve'),
});
const count = z.int();
export const time = z.iso.datetime();
const times = { publishAt: time.nullable(), startedAt: time.nullable(), finishedAt: time.nullable() };
const balance = z
  .object({
    audience: count.describe('pushes that the announcement is for; the other numbers add up to it'),
    excluded: count.describe(
      'devices that were deleted or unregistered before they were read, and second rows of one phone',
    ),
    delivered: count,
    unregistered: count,
    rejected: count,
    unknown: count.describe('no answer arrived'),
    unsent: count.describe('not sent yet, or to be sent again'),
  })
  .nullable()
  .describe('null before the start, and if an earlier release of Baton started the announcement');
export const progress = standing.extend({
  ...times,
  counts: z.object(
    Object.fromEntries(VERDICTS.map((verdict) => [verdict, count])) as Record<Verdict, z.ZodInt>,
  ),
  balance,
  hops: z.object({ open: count, held: count.describe('an invocation works on them now'), closed: count }),
  perSecond: z
    .object({ now: z.number().nullable(), average: z.number().nullable() })
    .describe('pushes a second'),
  isHeld: z.boolean().describe('nothing is sent now, because FCM is down or throttles the source'),
  endsInMs: z
    .number()
    .nullable()
    .describe('milliseconds until everything is sent, at the rate now; null while isHeld'),
  answers: z
    .object({ p50Ms: z.number(), p95Ms: z.number() })
    .nullable()
    .describe("FCM's answer times: half of the answers, and 95% of them, took at most so long"),
  errors: z
    .array(z.object({ reason: z.string(), pushes: count, firstAt: time, lastAt: time }))
    .describe('why attempts did not deliver, the most frequent reasons'),
  waitsFor: z.array(z.object({ what: z.string(), until: time.nullable() })),
  receipts: z
    .object({
      delivered: count.describe('phones that say that they have received it'),
      opened: count.describe('phones on which somebody has opened it'),
    })
    .nullable()
    .describe('what apps report by POST /receipts; null if no receipt has arrived'),
  deliveryData: z
    .array(
      z.object({
        label: z.string(),
        day: z.iso.date().describe('in Los Angeles'),
        accepted: count,
        outcome: z
          .object({
            delivered: z.number(),
            pending: z.number(),
            collapsed: z.number(),
            dropped: z.number(),
          })
          .nullable()
          .describe('percents of what FCM accepted'),
      }),
    )
    .describe("what FCM's Data API says of the announcement's label: Android alone, some days late"),
});
export const summary = shared.extend({
  ...times,
  title: z.string(),
  audience: z.enum(AUDIENCES),
  balance,
  tookMs: z.number().nullable().describe('milliseconds from the start to the end, or until now'),
  edited: z
    .array(z.string())
    .describe('columns that were changed since the approval or the start, without effect; [] after the end'),
});

export const notice = z.object({
  noticeId: count,
  check: z.enum(CHECKS).describe('which check has found it'),
  name: z.string(),
  level: z.enum(NOTICE_LEVELS).describe('red breaks a broadcast; with amber there is time to act'),
  says: z.string(),
  remedy: z.string(),
  dueOn: z.string().nullable().describe('the day on which it takes effect; null: now, or not known'),
  source: z.string(),
  foundAt: time,
  seenAt: time,
});

export function showAnnouncement(announcement: Announcement): z.infer<typeof standing> {
  const { announcementId: id, statusReason: reason, edited, ...rest } = announcement;
  const { status, source, guarantee, dryRun, problem } = rest;
  const approvedBy = rest.approvedBy ?? null;
  const shown = { status, reason, source, guarantee, dryRun, problem };
  return { announcementId: id, ...shown, edited: [...edited], approvedBy };
}

export function showStanding({
  announcement,
  errors,
  waitsFor,
  deliveryData,
  ...rest
}: Standing): z.infer<typeof progress> {
  return {
    ...showAnnouncement(announcement),
    ...rest,
    publishAt: toIso(rest.publishAt),
    startedAt: toIso(rest.startedAt),
    finishedAt: toIso(rest.finishedAt),
    errors: errors.map(({ reason, pushes, firstAt, lastAt }) => ({
      reason,
      pushes,
      firstAt: toIso(firstAt),
      lastAt: toIso(lastAt),
    })),
    deliveryData: [...deliveryData],
    waitsFor: waitsFor.map(({ what, until }) => ({ what, until: toIso(until) })),
  };
}

export function showListed({ statusReason, ...rest }: Listed): z.infer<typeof summary> {
  return {
    ...rest,
    reason: statusReason,
    edited: [...rest.edited],
    publishAt: toIso(rest.publishAt),
    startedAt: toIso(rest.startedAt),
    finishedAt: toIso(rest.finishedAt),
  };
}
