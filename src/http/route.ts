import * as z from 'zod';
import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';
import type { Scope } from '../model/scope.ts';
import { isObject, parseWith, show, wholeNumber } from '../parse.ts';
import type { Answer } from './reply.ts';
import type { HttpRequest } from '../events/http.ts';

/** Enough for every body but a list of messages. */
const MAX_BODY_BYTES = 65_536;

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** Methods of HTTP that a caller may know. Any other one is not implemented, whatever the path. */
const KNOWN_METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** The path of an OPTIONS request about the whole server. */
const WHOLE_SERVER = '*';

/** The parameters of the paths that name an announcement. */
export const ANNOUNCEMENT_PARAMS = z.object({ announcementId: wholeNumber(1) });

/** A route and its description; the same schemas check requests and describe them in OpenAPI. */
interface RouteSpec<Params, Query, Body> {
  readonly method: Method;
  /** The path of the route; `{name}` stands for one segment, and is a field of `params`. */
  readonly path: string;
  readonly summary: string;
  /** True: answered without authentication. */
  readonly isOpen?: boolean;
  /** True: pages of any origin may send requests, without cookies. */
  readonly isForOtherOrigins?: boolean;
  /** False: with these settings there is no such route. Absent: it is always there. */
  readonly isServed?: (config: Context['config']) => boolean;
  /** The scope that a caller needs; null: none. */
  readonly scope: Scope | null;
  /** The scope that a request with this query needs, if that depends on the query. */
  readonly scopeOf?: (query: HttpRequest['query']) => Scope;
  /** True: a page of the dashboard may ask for it with its session. It may read everything that needs the scope `read` anyway. */
  readonly acceptsSession?: boolean;
  readonly params?: z.ZodType<Params>;
  readonly query?: z.ZodType<Query>;
  readonly body?: z.ZodType<Body>;
  /** True: a request without a body has the body {}. */
  readonly isBodyOptional?: boolean;
  readonly maxBodyBytes?: number;
  /** Replies of a request that succeeds, by status; null: an empty body. */
  readonly replies: Readonly<Record<number, ReplySpec>>;
  run(ctx: Context, input: RouteInput<Params, Query, Body>): Promise<Answer>;
}

interface ReplySpec {
  readonly description: string;
  readonly body: z.ZodType | null;
  /** Absent: application/json. */
  readonly contentType?: string;
}

type AuthorizeField = (scope: Scope, field: string) => void;

interface RouteInput<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly request: HttpRequest;
  /** For a field that not every caller of the route may give: throws PushError('FORBIDDEN') if the caller lacks the scope. */
  readonly authorize: AuthorizeField;
}

export interface Route extends Omit<RouteSpec<unknown, unknown, unknown>, 'run'> {
  readonly maxBodyBytes: number;
  answer(
    ctx: Context,
    request: HttpRequest,
    params: Readonly<Record<string, string>>,
    authorize: AuthorizeField,
  ): Promise<Answer>;
}

/** The scope that a request to a route needs; null: none. */
export function scopeOf({ scope, scopeOf: ofQuery }: Route, { query }: HttpRequest): Scope | null {
  return ofQuery ? ofQuery(query) : scope;
}

/** Makes a route. Its `answer` throws PushError('BAD_REQUEST'), ('WRONG_TYPE'), ('TOO_BIG'), and what `run` throws. */
export function makeRoute<Params = undefined, Query = undefined, Body = undefined>(
  spec: RouteSpec<Params, Query, Body>,
): Route {
  const { maxBodyBytes = MAX_BODY_BYTES, ...rest } = spec;
  const { params: paramsSchema, query: querySchema, body: bodySchema, isBodyOptional = false } = spec;
  return {
    ...rest,
    maxBodyBytes,
    async answer(ctx, request, texts, authorize) {
      // Without a schema the type is undefined, and so is the value.
      const params = paramsSchema && parseWith(paramsSchema, texts, 'BAD_REQUEST');
      const query = querySchema && parseWith(querySchema, Object.fromEntries(request.query), 'BAD_REQUEST');
      const isAbsent = isBodyOptional && request.body.length === 0;
      const json = bodySchema && !isAbsent ? readJson(request, maxBodyBytes) : {};
      const body = bodySchema && parseWith(bodySchema, json, 'BAD_REQUEST');
      return spec.run(ctx, {
        params: params as Params,
        query: query as Query,
        body: body as Body,
        request,
        authorize,
      });
    },
  };
}

export type Match =
  | { readonly kind: 'found'; readonly route: Route; readonly params: Readonly<Record<string, string>> }
  | {
      readonly kind: 'options';
      readonly methods: readonly Method[];
      /** A route of the path that other origins may use; absent: there is none. */
      readonly shared?: Route | undefined;
    }
  | { readonly kind: 'wrong-method'; readonly methods: readonly Method[] }
  | { readonly kind: 'unknown-method' }
  | {
      readonly kind: 'absent';
      /** True: strangers get to know it as well. */
      readonly isOpen?: boolean;
    };

export function matchRoute(routes: readonly Route[], method: string, path: string): Match {
  if (!KNOWN_METHODS.includes(method)) return { kind: 'unknown-method' };
  const methods: Method[] = [];
  let shared: Route | undefined;
  for (const route of routes) {
    const params = matchPath(route.path, path);
    if (params === null && !(method === 'OPTIONS' && path === WHOLE_SERVER)) continue;
    // HEAD asks for the head of what GET answers.
    const wanted = method === 'HEAD' ? 'GET' : method;
    if (params !== null && route.method === wanted) return { kind: 'found', route, params };
    if (!methods.includes(route.method)) methods.push(route.method);
    if (params !== null && route.isForOtherOrigins) shared ??= route;
  }
  if (methods.length === 0) return { kind: 'absent' };
  return method === 'OPTIONS' ? { kind: 'options', methods, shared } : { kind: 'wrong-method', methods };
}

/** The value of the header Allow. */
export function describeAllowed(methods: readonly Method[]): string {
  return [...methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])), 'OPTIONS'].join(
    ', ',
  );
}

function matchPath(template: string, path: string): Record<string, string> | null {
  const names = template.split('/');
  // Some callers end a path with a slash, and mean the path without it.
  const segments = (path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path).split('/');
  if (names.length !== segments.length) return null;
  const params: Record<string, string> = {};
  for (const [nth, name] of names.entries()) {
    const segment = segments[nth] ?? '';
    if (name.startsWith('{')) params[name.slice(1, -1)] = decode(segment);
    else if (name !== segment) return null;
  }
  return params;
}

/** Decodes a segment. API Gateway may have decoded it already: then a % in it begins no code. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Throws PushError('WRONG_TYPE') or ('TOO_BIG') for a body that a route would not read. */
export function checkBody({ headers }: HttpRequest, bytes: number, maxBytes: number): void {
  const type = headers.get('content-type') ?? '';
  if (!/^application\/json *(; *charset="?utf-8"? *)?$/i.test(type)) {
    const got = type === '' ? 'nothing' : show(type);
    throw PushError.of('WRONG_TYPE', [{ field: 'content-type', expected: 'application/json', got }]);
  }
  if (bytes > maxBytes) {
    const expected = `at most ${maxBytes} bytes`;
    throw PushError.of('TOO_BIG', [{ field: 'body', expected, got: `${bytes}` }]);
  }
}

function readJson(request: HttpRequest, maxBytes: number): Record<string, unknown> {
  const { body } = request;
  checkBody(request, body.length, maxBytes);
  const value = parseJson(body);
  if (isObject(value)) return value;
  throw PushError.of('BAD_REQUEST', [{ field: 'body', expected: 'a JSON object', got: show(value) }]);
}

/** Parses a body. The error does not quote it: it may hold the token of a device. */
function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown;
  } catch {
    const got = body.length === 0 ? 'nothing' : `${body.length} bytes of something else`;
    throw PushError.of('BAD_REQUEST', [{ field: 'body', expected: 'a JSON object', got }]);
  }
}
