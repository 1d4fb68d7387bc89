import type { Context } from '../context.ts';
import { describeFailure, PushError } from '../errors.ts';
import type { HttpRequest } from '../events/http.ts';
import type { Scope } from '../model/scope.ts';
import { show, showWord } from '../show.ts';
import { authenticate, authorize, type Caller, findSessionCaller } from './auth.ts';
import { makeProblem, makeStartProblem } from './problem.ts';
import { type Answer, type HttpReply, makeReply } from './reply.ts';
import { checkBody, describeAllowed, type Match, matchRoute, type Route, scopeOf } from './route.ts';
import { ROUTES } from './routes.ts';

/** The methods and the first segments that errors and log lines may show: other text may be a token in a wrong place. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'];
const SEGMENTS = ROUTES.map(({ path }) => path.split('/')[1]);

/** What checking a request needs: nothing that is slow, and no database. */
type Checks = Pick<Context, 'config' | 'clock' | 'log' | 'requestId'>;

/** Answers every request, also one that fails, and logs one line for it. */
export async function answerRequest(ctx: Context, received: HttpRequest): Promise<HttpReply> {
  const call = openCall(ctx, received);
  try {
    return call.reply(await answerMatch(ctx, call));
  } catch (error) {
    return call.refuse(error);
  }
}

/** A request whose body may be read, up to this many bytes; or the reply that refuses it before its body is read. */
export type Admission =
  | { readonly kind: 'admitted'; readonly maxBodyBytes: number }
  | { readonly kind: 'refused'; readonly reply: HttpReply };

/** Decides about a request by its head alone. `bodyBytes` is the length that the caller declares; null: none. */
export function admitRequest(ctx: Checks, received: HttpRequest, bodyBytes: number | null): Admission {
  const call = openCall(ctx, received);
  try {
    const { match } = call;
    admitCaller(ctx, call);
    if (match.kind !== 'found') {
      refuseMatch(match, call.request);
      return { kind: 'admitted', maxBodyBytes: 0 };
    }
    const { body, isBodyOptional = false, maxBodyBytes } = match.route;
    const isAbsent = isBodyOptional && bodyBytes === 0;
    if (body && bodyBytes !== null && !isAbsent) checkBody(call.request, bodyBytes, maxBodyBytes);
    return { kind: 'admitted', maxBodyBytes };
  } catch (error) {
    return { kind: 'refused', reply: call.refuse(error) };
  }
}

/** Answers a request that arrives while the function cannot start, and logs why. */
export function answerUnstarted(
  { log, requestId }: Pick<Context, 'log' | 'requestId'>,
  request: HttpRequest,
  error: unknown,
): HttpReply {
  const answer = makeStartProblem(error, requestId);
  log.error('request failed', { requestId, route: null, status: answer.status, ...describe(error) });
  return makeReply(request, answer);
}

interface Call {
  readonly request: HttpRequest;
  readonly match: Match;
  /** Null: not known yet, or not asked for. */
  caller: Caller | null;
  /** The scope that was asked for last; null: none. */
  neededScope: Scope | null;
  reply(answer: Answer): HttpReply;
  refuse(error: unknown): HttpReply;
}

function openCall(ctx: Checks, received: HttpRequest): Call {
  const startedAt = ctx.clock.now();
  const request = stripBase(received, ctx.config.api.basePath);
  const found = matchRoute(ROUTES, request.method, request.path);
  const match = isServed(found, ctx.config) ? found : ({ kind: 'absent', isOpen: true } as const);
  const lineOf = (answer: Answer) => ({
    requestId: ctx.requestId,
    method: METHODS.includes(request.method) ? request.method : show(request.method),
    // The route's template: the path itself may hold a device's token.
    route: match.kind === 'found' ? match.route.path : null,
    caller: call.caller?.name ?? null,
    status: answer.status,
    ms: ctx.clock.now() - startedAt,
  });
  const call: Call = {
    request,
    match,
    caller: null,
    neededScope: null,
    reply(answer) {
      ctx.log.info('request answered', lineOf(answer));
      return makeReply(request, answer);
    },
    refuse(error) {
      const answer = makeProblem(error, ctx.requestId, headersOf(error, call));
      const line = { ...lineOf(answer), ...describe(error) };
      if (answer.status < 500 || match.kind === 'unknown-method') ctx.log.info('request refused', line);
      else ctx.log.error('request failed', line);
      return makeReply(request, answer);
    },
  };
  return call;
}

async function answerMatch(ctx: Context, call: Call): Promise<Answer> {
  const { match, request } = call;
  admitCaller(ctx, call);
  const actor = `api:${call.caller?.name ?? 'a token without a name'}` as const;
  if (match.kind === 'found') {
    const needScope = (scope: Scope, field: string): void => {
      call.neededScope = scope;
      if (call.caller !== null) authorize(call.caller, scope, field);
    };
    const answer = await match.route.answer({ ...ctx, actor }, request, match.params, needScope);
    return match.route.isForOtherOrigins
      ? { ...answer, headers: { ...answer.headers, ...ANY_ORIGIN } }
      : answer;
  }
  refuseMatch(match, request);
  const allow = describeAllowed(match.methods);
  const cors = match.shared === undefined ? {} : { ...ANY_ORIGIN, ...preflightHeaders(match.shared) };
  return { status: 204, headers: { allow, ...cors }, body: null };
}

/** https://fetch.spec.whatwg.org/#http-cors-protocol . Cookies are not sent to an origin that is allowed in this way. */
const ANY_ORIGIN = { 'access-control-allow-origin': '*' };

function preflightHeaders({ method }: Route): Record<string, string> {
  return {
    'access-control-allow-methods': method,
    'access-control-allow-headers': 'content-type',
    'access-control-max-age': '86400',
  };
}

/** False: the setting that the route needs is off. A stranger gets the answer 404 then, because nobody needs a token for it. */
function isServed(match: Match, config: Context['config']): boolean {
  const route = match.kind === 'found' ? match.route : match.kind === 'options' ? match.shared : undefined;
  return route?.isServed?.(config) ?? true;
}

/** OPTIONS needs no caller, because a browser asks it without one; the answer allows no other origin. */
function admitCaller(ctx: Checks, call: Call): void {
  const { match, request } = call;
  if (match.kind === 'options' || (match.kind === 'absent' && match.isOpen)) return;
  if (match.kind === 'found' && match.route.isOpen) return;
  const known = match.kind === 'found' ? findSessionCaller(ctx, request, match.route) : null;
  call.caller = known ?? authenticate(ctx, request);
  const scope = match.kind === 'found' ? scopeOf(match.route, request) : null;
  call.neededScope = scope;
  if (scope !== null) authorize(call.caller, scope);
}

type Unanswerable = Exclude<Match, { kind: 'found' | 'options' }>;

function refuseMatch(
  match: Exclude<Match, { kind: 'found' }>,
  request: HttpRequest,
): asserts match is Exclude<Match, { kind: 'found' } | Unanswerable> {
  switch (match.kind) {
    case 'options':
      return;
    case 'wrong-method': {
      const expected = match.methods.join(' or ');
      throw PushError.of('WRONG_METHOD', [
        { field: 'method', expected, got: showWord(request.method, METHODS) },
      ]);
    }
    case 'unknown-method': {
      const expected = 'a method of HTTP, in capital letters';
      throw PushError.of('UNKNOWN_METHOD', [{ field: 'method', expected, got: show(request.method) }]);
    }
    case 'absent': {
      const expected = 'one of the paths in /openapi.json';
      throw PushError.of('NO_SUCH_ROUTE', [{ field: 'path', expected, got: showPath(request.path) }]);
    }
  }
}

/** https://www.rfc-editor.org/rfc/rfc6750#section-3.1 */
function headersOf(error: unknown, { match, caller, neededScope: scope }: Call): Record<string, string> {
  const code = error instanceof PushError ? error.code : null;
  if (code === 'WRONG_METHOD' && match.kind === 'wrong-method') {
    return { allow: describeAllowed(match.methods) };
  }
  if (code === 'UNAUTHENTICATED') return { 'www-authenticate': 'Bearer' };
  if (code === 'FORBIDDEN' && caller !== null && scope !== null) {
    return { 'www-authenticate': `Bearer error="insufficient_scope", scope="${scope}"` };
  }
  return {};
}

function stripBase(request: HttpRequest, basePath: string): HttpRequest {
  const { path, prefix } = request;
  if (basePath === '' || !`${path}/`.startsWith(`${basePath}/`)) return request;
  return { ...request, path: path.slice(basePath.length), prefix: prefix + basePath };
}

/** The first segment of a path, if a route begins with it: any other part of it may be the target of a device. */
function showPath(path: string): string {
  const [first, ...rest] = path.split('/').slice(1);
  return SEGMENTS.includes(first) && rest.length > 0 ? `"/${first}/…"` : show(path);
}

function describe(error: unknown): { code: string; message: string } {
  if (error instanceof PushError) return { code: error.code, message: error.message };
  return { code: 'INTERNAL', message: describeFailure(error) };
}
