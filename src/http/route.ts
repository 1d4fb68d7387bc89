import type * as z from 'zod';
import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';
import { isObject, parseWith, show } from '../parse.ts';
import type { Answer } from './reply.ts';
import type { HttpRequest } from '../events/http.ts';

/** Plenty for anything but a list of messages. */
const MAX_BODY_BYTES = 65_536;

type Method = 'GET' | 'POST' | 'DELETE';

/** What there is to say of a route; the same schemas check what comes, and describe it. */
interface RouteSpec<Params, Body> {
  readonly method: Method;
  /** `{name}` stands for one segment, and is a field of `params`. */
  readonly path: string;
  readonly summary: string;
  /** Answered without authentication. */
  readonly isOpen?: boolean;
  readonly params?: z.ZodType<Params>;
  readonly body?: z.ZodType<Body>;
  readonly maxBodyBytes?: number;
  /** What it answers when all is well, by status; null for an empty body. */
  readonly replies: Readonly<
    Record<number, { readonly description: string; readonly body: z.ZodType | null }>
  >;
  run(ctx: Context, input: RouteInput<Params, Body>): Promise<Answer>;
}

interface RouteInput<Params, Body> {
  readonly params: Params;
  readonly body: Body;
  readonly request: HttpRequest;
}

export interface Route extends Omit<RouteSpec<unknown, unknown>, 'run'> {
  answer(ctx: Context, request: HttpRequest, params: Readonly<Record<string, string>>): Promise<Answer>;
}

/** PushErrors of `answer`: 'BAD_REQUEST', 'WRONG_TYPE', 'TOO_BIG', and what `run` throws. */
export function makeRoute<Params = undefined, Body = undefined>(spec: RouteSpec<Params, Body>): Route {
  const { params: paramsSchema, body: bodySchema, maxBodyBytes = MAX_BODY_BYTES, ...rest } = spec;
  return {
    ...rest,
    ...(paramsSchema ? { params: paramsSchema } : {}),
    ...(bodySchema ? { body: bodySchema } : {}),
    maxBodyBytes,
    async answer(ctx, request, texts) {
      // Without a schema the type is that of nothing.
      const params = paramsSchema && parseWith(paramsSchema, texts, 'BAD_REQUEST');
      const body = bodySchema && parseWith(bodySchema, readJson(request, maxBodyBytes), 'BAD_REQUEST');
      return spec.run(ctx, { params: params as Params, body: body as Body, request });
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
  // Some callers end a path with a slash, and mean the same.
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

/** A path that API Gateway has decoded already may hold a % that begins nothing. */
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

/** The text itself stays out of the error: it may hold a device's token. */
function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown;
  } catch {
    const got = body.length === 0 ? 'nothing' : `${body.length} bytes of something else`;
    throw PushError.of('BAD_REQUEST', [{ field: 'body', expected: 'a JSON object', got }]);
  }
}
