import type * as z from 'zod';
import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';
import { isObject, parseWith, show } from '../parse.ts';
import type { Answer } from './reply.ts';
import type { HttpRequest } from '../events/http.ts';

/** Enough for every body but a list of messages. */
const MAX_BODY_BYTES = 65_536;

type Method = 'GET' | 'POST' | 'DELETE';

/** A route and its description; the same schemas check requests and describe them in OpenAPI. */
interface RouteSpec<Params, Query, Body> {
  readonly method: Method;
  /** The path of the route; `{name}` stands for one segment, and is a field of `params`. */
  readonly path: string;
  readonly summary: string;
  /** True: answered without authentication. */
  readonly isOpen?: boolean;
  readonly params?: z.ZodType<Params>;
  readonly query?: z.ZodType<Query>;
  readonly body?: z.ZodType<Body>;
  readonly maxBodyBytes?: number;
  /** Replies of a request that succeeds, by status; null: an empty body. */
  readonly replies: Readonly<
    Record<number, { readonly description: string; readonly body: z.ZodType | null }>
  >;
  run(ctx: Context, input: RouteInput<Params, Query, Body>): Promise<Answer>;
}

interface RouteInput<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly request: HttpRequest;
}

export interface Route extends Omit<RouteSpec<unknown, unknown, unknown>, 'run'> {
  answer(ctx: Context, request: HttpRequest, params: Readonly<Record<string, string>>): Promise<Answer>;
}

/** Makes a route. Its `answer` throws PushError('BAD_REQUEST'), ('WRONG_TYPE'), ('TOO_BIG'), and what `run` throws. */
export function makeRoute<Params = undefined, Query = undefined, Body = undefined>(
  spec: RouteSpec<Params, Query, Body>,
): Route {
  const { maxBodyBytes = MAX_BODY_BYTES, ...rest } = spec;
  const { params: paramsSchema, query: querySchema, body: bodySchema } = spec;
  return {
    ...rest,
    maxBodyBytes,
    async answer(ctx, request, texts) {
      // Without a schema the type is undefined, and so is the value.
      const params = paramsSchema && parseWith(paramsSchema, texts, 'BAD_REQUEST');
      const query = querySchema && parseWith(querySchema, Object.fromEntries(request.query), 'BAD_REQUEST');
      const body = bodySchema && parseWith(bodySchema, readJson(request, maxBodyBytes), 'BAD_REQUEST');
      return spec.run(ctx, { params: params as Params, query: query as Query, body: body as Body, request });
    },
  };
}

export type Match =
  | { readonly kind: 'found'; readonly route: Route; readonly params: Readonly<Record<string, string>> }
  | { readonly kind: 'wrong-method'; readonly allowed: readonly Method[] }
  | { readonly kind: 'absent' };

export function matchRoute(routes: readonly Route[], method: string, path: string): Match {
  const allowed: Method[] = [];
  for (const route of routes) {
    const params = matchPath(route.path, path);
    if (params === null) continue;
    if (route.method === method) return { kind: 'found', route, params };
    allowed.push(route.method);
  }
  return allowed.length > 0 ? { kind: 'wrong-method', allowed } : { kind: 'absent' };
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

function readJson({ headers, body }: HttpRequest, maxBytes: number): Record<string, unknown> {
  const type = headers.get('content-type') ?? '';
  if (!/^application\/json *(; *charset="?utf-8"? *)?$/i.test(type)) {
    const got = type === '' ? 'nothing' : show(type);
    throw PushError.of('WRONG_TYPE', [{ field: 'content-type', expected: 'application/json', got }]);
  }
  if (body.length > maxBytes) {
    const expected = `at most ${maxBytes} bytes`;
    throw PushError.of('TOO_BIG', [{ field: 'body', expected, got: `${body.length}` }]);
  }
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
