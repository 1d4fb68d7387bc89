import type { Context } from '../context.ts';
import { describeFailure, PushError } from '../errors.ts';
import type { HttpRequest } from '../events/http.ts';
import { show, showWord } from '../show.ts';
import { authenticate } from './auth.ts';
import { makeProblem } from './problem.ts';
import { type Answer, type HttpReply, makeReply } from './reply.ts';
import { type Match, matchRoute } from './route.ts';
import { ROUTES } from './routes.ts';

/** The methods and the first segments that errors and log lines may show: other text may be a token in a wrong place. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'];
const SEGMENTS = ROUTES.map(({ path }) => path.split('/')[1]);

/** Answers every request, also one that fails, and logs one line for it. */
export async function answerRequest(ctx: Context, received: HttpRequest): Promise<HttpReply> {
  const startedAt = ctx.clock.now();
  const request = stripBase(received, ctx.config.api.basePath);
  const match = matchRoute(ROUTES, request.method, request.path);
  let answer: Answer;
  let failure: { code: string; message: string } | null = null;
  try {
    answer = await answerMatch(ctx, request, match);
  } catch (error) {
    const headers = {
      ...(match.kind === 'wrong-method' ? { allow: match.allowed.join(', ') } : {}),
      ...(isUnauthenticated(error) ? { 'www-authenticate': 'Bearer' } : {}),
    };
    answer = makeProblem(error, ctx.requestId, headers);
    failure = describe(error);
  }
  const line = {
    requestId: ctx.requestId,
    method: METHODS.includes(request.method) ? request.method : show(request.method),
    // The route's template: the path itself may hold a device's token.
    route: match.kind === 'found' ? match.route.path : null,
    status: answer.status,
    ms: ctx.clock.now() - startedAt,
  };
  if (failure === null) ctx.log.info('request answered', line);
  else if (answer.status < 500) ctx.log.info('request refused', { ...line, ...failure });
  else ctx.log.error('request failed', { ...line, ...failure });
  return makeReply(request, answer);
}

async function answerMatch(ctx: Context, request: HttpRequest, match: Match): Promise<Answer> {
  if (match.kind !== 'found' || !match.route.isOpen) authenticate(ctx, request);
  switch (match.kind) {
    case 'found':
      return match.route.answer(ctx, request, match.params);
    case 'wrong-method': {
      const expected = match.allowed.join(' or ');
      throw PushError.of('WRONG_METHOD', [
        { field: 'method', expected, got: showWord(request.method, METHODS) },
      ]);
    }
    case 'absent': {
      const expected = 'one of the paths in /openapi.json';
      throw PushError.of('NO_SUCH_ROUTE', [{ field: 'path', expected, got: showPath(request.path) }]);
    }
  }
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

function isUnauthenticated(error: unknown): boolean {
  return error instanceof PushError && error.code === 'UNAUTHENTICATED';
}

function describe(error: unknown): { code: string; message: string } {
  if (error instanceof PushError) return { code: error.code, message: error.message };
  return { code: 'INTERNAL', message: describeFailure(error) };
}
