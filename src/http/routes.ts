import * as z from 'zod';
import { ANNOUNCEMENT_ROUTES } from './announcement-routes.ts';
import { DEVICE_ROUTES } from './device-routes.ts';
import { MESSAGE_ROUTES } from './message-routes.ts';
import { describeApi } from './openapi.ts';
import { makeRoute, type Route } from './route.ts';

/** Reports only that the function runs: any stranger may ask. */
const health = makeRoute({
  method: 'GET',
  path: '/health',
  summary: 'Whether the function runs.',
  isOpen: true,
  replies: { 200: { description: 'It runs.', body: z.object({ status: z.literal('ok') }) } },
  run: async () => ({ status: 200, body: { status: 'ok' } }),
});

const openapi = makeRoute({
  method: 'GET',
  path: '/openapi.json',
  summary: 'This description of the API.',
  replies: { 200: { description: 'OpenAPI 3.1.', body: z.record(z.string(), z.unknown()) } },
  run: async (_ctx, { request }) => ({ status: 200, body: describeApi(ROUTES, request.prefix) }),
});

/** All routes of the API. */
export const ROUTES: readonly Route[] = [
  health,
  openapi,
  ...ANNOUNCEMENT_ROUTES,
  ...MESSAGE_ROUTES,
  ...DEVICE_ROUTES,
];
