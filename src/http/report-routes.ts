import * as z from 'zod';
import { fetchReport } from '../report/page/report.ts';
import { ANNOUNCEMENT_PARAMS, makeRoute, type Route } from './route.ts';

const report = makeRoute({
  method: 'GET',
  path: '/announcements/{announcementId}/report',
  summary: 'The report page of an announcement, for a browser.',
  scope: 'read',
  params: ANNOUNCEMENT_PARAMS,
  replies: {
    200: { description: 'One HTML file that loads nothing.', body: z.string(), contentType: 'text/html' },
  },
  async run(ctx, { params: { announcementId: id }, request }) {
    const read = await fetchReport(ctx, id);
    // The charts take a third of a second to load: only a report pays for them.
    const { PAGE_POLICY, renderPage } = await import('../report/page/page.tsx');
    const deliveries = `${request.prefix}/announcements/${id}/deliveries.csv`;
    return {
      status: 200,
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': `${PAGE_POLICY}; frame-ancestors 'none'`,
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
      },
      body: renderPage(read, (verdict) => `${deliveries}?verdict=${verdict}`),
    };
  },
});

export const REPORT_ROUTES: readonly Route[] = [report];
