import * as z from 'zod';
import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';
import { covers } from '../model/scope.ts';
import { wholeNumber } from '../parse.ts';
import type { Answer } from './reply.ts';
import { authorize } from './auth.ts';
import { makeRoute, type Route } from './route.ts';
import {
  checkOrigin,
  findSession,
  makeEndCookie,
  makeSessionCookie,
  pageKeyOf,
  PAGE_KEY_HEADER,
} from './session.ts';

const A_TOKEN = 'an API token';

const page = makeRoute({
  method: 'GET',
  path: '/dashboard',
  summary: 'The dashboard, or the page that asks for an API token.',
  isOpen: true,
  scope: null,
  replies: { 200: { description: 'A page.', body: z.string(), contentType: 'text/html' } },
  async run(ctx, { request }) {
    const { makeDashboardPage, makeLoginPage } = await import('../report/dashboard/page.ts');
    const [session, { prefix: base }] = [findSession(ctx, request), request];
    if (session === null || !covers(session.owner.scopes, 'read')) {
      const site = request.headers.get('sec-fetch-site') ?? '';
      return htmlOf(makeLoginPage({ base, isFromElsewhere: ['cross-site', 'same-site'].includes(site) }));
    }
    const { name, scopes } = session.owner;
    const key = { header: PAGE_KEY_HEADER, value: pageKeyOf(ctx, session) };
    const { stage } = ctx.config;
    return htmlOf(makeDashboardPage({ base, stage, name, maySend: covers(scopes, 'send'), key }));
  },
});

const login = makeRoute({
  method: 'POST',
  path: '/dashboard/login',
  summary: 'Begin a session of the dashboard, in a cookie.',
  isOpen: true,
  scope: null,
  // Anybody may send one: a token is short.
  maxBodyBytes: 1024,
  body: z.strictObject({ token: z.string({ error: A_TOKEN }) }, { error: 'no such field' }),
  replies: { 204: { description: 'The cookie is set.', body: null } },
  async run(ctx, { body: { token }, request }) {
    checkOrigin(request);
    const owner = ctx.config.api.tokens.find(token.trim());
    if (owner === null) {
      const got = token.trim() === '' ? 'nothing' : 'another one';
      throw PushError.of('UNAUTHENTICATED', [{ field: 'token', expected: A_TOKEN, got }]);
    }
    authorize({ ...owner, isFromGateway: false }, 'read');
    return { status: 204, cookie: makeSessionCookie(ctx, request, owner), body: null };
  },
});

const logout = makeRoute({
  method: 'POST',
  path: '/dashboard/logout',
  summary: 'End the session of the dashboard.',
  isOpen: true,
  scope: null,
  maxBodyBytes: 0,
  replies: { 204: { description: 'The cookie is removed.', body: null } },
  async run(_ctx, { request }) {
    checkOrigin(request);
    return { status: 204, cookie: makeEndCookie(request), body: null };
  },
});

/** Numbers for the dashboard's own page: what other programs may rely on is in the routes of the announcements. */
const json = z.record(z.string(), z.unknown());

const state = makeRoute({
  method: 'GET',
  path: '/dashboard/state.json',
  summary: 'What the dashboard shows now.',
  scope: 'read',
  replies: { 200: { description: 'What runs, what is scheduled, and the budgets.', body: json } },
  async run(ctx) {
    const { fetchDashboard } = await import('../report/dashboard/state.ts');
    return { status: 200, body: await fetchDashboard(ctx) };
  },
});

const history = makeRoute({
  method: 'GET',
  path: '/dashboard/history.json',
  summary: 'What the dashboard shows of earlier announcements.',
  scope: 'read',
  query: z.strictObject({ before: wholeNumber(1).optional() }, { error: 'no such field' }),
  replies: { 200: { description: 'The latest announcements, or those before an id.', body: json } },
  async run(ctx, { query: { before } }) {
    const { fetchHistory } = await import('../report/dashboard/state.ts');
    return { status: 200, body: { announcements: await fetchHistory(ctx, before) } };
  },
});

/** However many ask, one count at a time goes to the database. */
const devices = makeRoute({
  method: 'GET',
  path: '/dashboard/devices.json',
  summary: 'The number of devices by state: reads the whole table.',
  scope: 'read',
  replies: { 200: { description: 'The number of devices.', body: json } },
  async run({ store, gatherer, clock }: Context) {
    const [body] = await gatherer.join('devices by state', [null], async (callers) => {
      const startedAt = clock.now();
      const counts = await store.countDevicesByState();
      const tookMs = clock.now() - startedAt;
      return callers.map(() => ({ ...counts, at: startedAt, tookMs }));
    });
    return { status: 200, body };
  },
});

export const DASHBOARD_ROUTES: readonly Route[] = [page, login, logout, state, history, devices];

/** A page, with what its Content-Security-Policy allows. */
function htmlOf({ html, policy }: { readonly html: string; readonly policy: string }): Answer {
  return {
    status: 200,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy,
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    },
    body: html,
  };
}
