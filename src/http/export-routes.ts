import * as z from 'zod';
import { findAnnouncement } from '../broadcast/announcement.ts';
import type { HttpRequest } from '../events/http.ts';
import { ANNOUNCEMENT_STATUSES } from '../model/announcement.ts';
import { AUDIT_ACTIONS } from '../model/audit.ts';
import { VERDICTS } from '../model/delivery.ts';
import { wholeNumber } from '../parse.ts';
import {
  checkExportable,
  EXPORT_PAGE,
  EXPORT_START,
  fetchExportPage,
  openCsvFormat,
} from '../report/export.ts';
import type { DeliveryKey } from '../store/exports.ts';
import { toIso } from '../words.ts';
import { ANNOUNCEMENT_PARAMS, makeRoute, type Route } from './route.ts';

/**
 * Bytes of a reply's body at most, in the JSON that the function returns: a load balancer takes replies of 1 MB, Lambda of
 * 6 MB. https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
 */
const MAX_BODY_BYTES: Readonly<Record<HttpRequest['shape'], number>> = {
  alb: 900_000,
  rest: 5_000_000,
  http: 5_000_000,
};

const VERDICT_LIST = `one or several of ${VERDICTS.join(', ')}, separated by commas`;
const KEY = 'what the link to the next page has';

const verdictsSchema = z
  .string({ error: VERDICT_LIST })
  // A part of the list has no place of its own in the query: an error names the whole of it.
  .refine((text) => text.split(',').every((word) => VERDICTS.some((verdict) => verdict === word)), {
    error: VERDICT_LIST,
  })
  .transform((text) => text.split(','))
  .pipe(z.array(z.enum(VERDICTS)));

const keySchema = z
  .string({ error: KEY })
  .regex(/^\d{1,15}-\d{1,15}$/, { error: KEY })
  .transform((text): DeliveryKey => {
    const [messageId = 0, deviceId = 0] = text.split('-').map(Number);
    return { messageId, deviceId };
  });

const csv = makeRoute({
  method: 'GET',
  path: '/announcements/{announcementId}/deliveries.csv',
  summary:
    'Deliveries as CSV. While there are more, the header Link has the next page, which has no line of column names.',
  scope: 'read',
  scopeOf: (query) => (query.has('targets') ? 'admin' : 'read'),
  params: ANNOUNCEMENT_PARAMS,
  query: z.strictObject(
    {
      verdict: verdictsSchema.optional().describe(VERDICT_LIST),
      targets: z
        .literal('1', { error: '1' })
        .optional()
        .describe("1: with the devices' targets; needs the scope admin"),
      limit: wholeNumber(1, EXPORT_PAGE).optional().describe('lines of one page, at most'),
      after: keySchema.optional().describe(KEY),
    },
    { error: 'no such field' },
  ),
  replies: { 200: { description: 'One page.', body: z.string(), contentType: 'text/csv' } },
  async run(ctx, { params: { announcementId: id }, query, request }) {
    const { verdict: verdicts = [], targets, limit = EXPORT_PAGE, after } = query;
    const withTargets = targets !== undefined;
    const announcement = await findAnnouncement(ctx, id);
    const options = { verdicts, withTargets, after: after ?? EXPORT_START };
    const page = await fetchExportPage(ctx, announcement, options, limit);
    // After the page was read: what is deleted in between is missing in it.
    await checkExportable(ctx, id);
    const format = await openCsvFormat({ withTargets });
    const header = after === undefined ? format.header : '';
    let { deliveries, next } = page;
    let text = header + format.lines(deliveries);
    const maxBytes = MAX_BODY_BYTES[request.shape];
    for (let bytes = sizeOf(text); bytes > maxBytes && deliveries.length > 1; bytes = sizeOf(text)) {
      deliveries = deliveries.slice(0, Math.max(1, Math.floor((0.9 * deliveries.length * maxBytes) / bytes)));
      next = deliveries.at(-1) ?? null;
      text = header + format.lines(deliveries);
    }
    return {
      status: 200,
      headers: {
        'content-type': 'text/csv; charset=utf-8',
        'content-disposition': `attachment; filename="announcement-${id}.csv"`,
        ...(next === null ? {} : { link: `<${makeLink(request, next)}>; rel="next"` }),
      },
      body: text,
    };
  },
});

const MAX_ENTRIES = 1000;
const DEFAULT_ENTRIES = 100;

const auditEntry = z.object({
  auditId: z.int(),
  at: z.iso.datetime(),
  actor: z.string().describe('who: api:NAME, cli:NAME, event, schedule, baton'),
  action: z.enum(AUDIT_ACTIONS),
  was: z.enum(ANNOUNCEMENT_STATUSES).nullable().describe('the status before'),
  became: z.enum(ANNOUNCEMENT_STATUSES).nullable().describe('the status since'),
  why: z.string().nullable(),
});

const audit = makeRoute({
  method: 'GET',
  path: '/announcements/{announcementId}/audit',
  summary:
    'Who changed an announcement, when, from which status to which, and why; the earliest change first.',
  scope: 'read',
  params: ANNOUNCEMENT_PARAMS,
  query: z.strictObject(
    {
      limit: wholeNumber(1, MAX_ENTRIES).default(DEFAULT_ENTRIES),
      after: wholeNumber(0).default(0).describe('only entries with a larger auditId: the next page'),
    },
    { error: 'no such field' },
  ),
  replies: {
    200: {
      description: 'At most limit changes.',
      body: z.object({ entries: z.array(auditEntry) }),
    },
  },
  async run({ store }, { params: { announcementId: id }, query: { limit, after } }) {
    await findAnnouncement({ store }, id);
    const entries = (await store.fetchAudit(id, limit, after)).map(
      ({ auditId, at, actor, action, was, became, why }): z.infer<typeof auditEntry> => {
        return { auditId, at: toIso(at), actor, action, was, became, why };
      },
    );
    return { status: 200, body: { entries } };
  },
});

export const EXPORT_ROUTES: readonly Route[] = [csv, audit];

/** The function returns the text as JSON, where each quote and each line end takes two bytes. */
function sizeOf(text: string): number {
  return Buffer.byteLength(JSON.stringify(text));
}

function makeLink({ prefix, path, query }: HttpRequest, { messageId, deviceId }: DeliveryKey): string {
  const next = new URLSearchParams({ ...Object.fromEntries(query), after: `${messageId}-${deviceId}` });
  return `${prefix}${path}?${next.toString()}`;
}
