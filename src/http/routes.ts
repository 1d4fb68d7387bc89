import * as z from 'zod';
import { ANNOUNCEMENT_ROUTES } from './announcement-routes.ts';
import { AUDIENCE_ROUTES } from './audience-routes.ts';
import { DASHBOARD_ROUTES } from './dashboard-routes.ts';
import { DEVICE_ROUTES } from './device-routes.ts';
import { EXPORT_ROUTES } from './export-routes.ts';
import { MEMBER_ROUTES } from './member-routes.ts';
import { MESSAGE_ROUTES } from './message-routes.ts';
import { describeApi } from './openapi.ts';
import { RECEIPT_ROUTES } from './receipt-routes.ts';
import { REPORT_ROUTES } from './report-routes.ts';
import { makeRoute, type Route } from './route.ts';
import { TEMPLATE_ROUTES } from './template-routes.ts';

/**
 * Reports only that the function runs and reaches its database: any stranger may ask. However many ask, one question at a time
 * goes to the database.
 */
const health = makeRoute({
  method: 'GET',
  path: '/health',
  summary: 'Whether the function runs and reaches its database; 503 says in `down` what is down.',
  isOpen: true,
  scope: null,
  replies: { 200: { description: 'It runs.', body: z.object({ status: z.literal('ok') }) } },
  async run({ store, gatherer }) {
    await gatherer.join('health', [null], async (callers) => {
      await store.fetchTickAgeMs();
      return callers;
    });
    return { status: 200, body: { status: 'ok' } };
  },
});

const openapi = makeRoute({
  method: 'GET',
  path: '/openapi.json',
  summary: 'This description of the API.',
  scope: null,
  replies: { 200: { description: 'OpenAPI 3.1.', body: z.record(z.string(), z.unknown()) } },
  run: async (_ctx, { request }) => ({ status: 200, body: describeApi(ROUTES, request.prefix) }),
});

/** All routes of the API. */
export const ROUTES: readonly Route[] = [
  health,
  openapi,
  ...ANNOUNCEMENT_ROUTES,
  ...AUDIENCE_ROUTES,
  ...EXPORT_ROUTES,
  ...REPORT_ROUTES,
  ...MESSAGE_ROUTES,
  ...DEVICE_ROUTES,
  ...MEMBER_ROUTES,
  ...TEMPLATE_ROUTES,
  ...RECEIPT_ROUTES,
  ...DASHBOARD_ROUTES,
];
