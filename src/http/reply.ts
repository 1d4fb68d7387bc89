import { STATUS_CODES } from 'node:http';
import type { HttpRequest } from '../events/http.ts';

/** The answer of a route. `body` is sent as JSON, and text as it is, with the content-type in `headers`; null: no body. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A cookie that the browser is to set, as in the header Set-Cookie. */
  readonly cookie?: string;
  readonly body: unknown;
}

/** A reply in the form that API Gateway, function URLs and load balancers expect. */
export interface HttpReply {
  readonly statusCode: number;
  /** Status code and text; only for a load balancer. */
  readonly statusDescription?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** In place of `headers`, for the target group of a load balancer with multi-value headers. */
  readonly multiValueHeaders?: Readonly<Record<string, readonly string[]>>;
  /** In place of the header Set-Cookie, in a reply of format 2.0. */
  readonly cookies?: readonly string[];
  readonly isBase64Encoded: false;
  readonly body: string;
}

export function makeReply(request: HttpRequest, { status, headers = {}, cookie, body }: Answer): HttpReply {
  // Function URLs, and HTTP APIs with format 2.0, want cookies apart from the headers.
  const isApart = request.shape === 'http';
  const all = {
    ...(cookie === undefined || isApart ? {} : { 'set-cookie': cookie }),
    ...(body === null ? {} : { 'content-type': 'application/json' }),
    'cache-control': 'no-store',
    ...headers,
  };
  const isAlb = request.shape === 'alb';
  return {
    statusCode: status,
    ...(isAlb ? { statusDescription: `${status} ${STATUS_CODES[status] ?? ''}` } : {}),
    ...(isAlb && request.isMultiValue
      ? {
          multiValueHeaders: Object.fromEntries(Object.entries(all).map(([name, value]) => [name, [value]])),
        }
      : { headers: all }),
    ...(cookie === undefined || !isApart ? {} : { cookies: [cookie] }),
    isBase64Encoded: false,
    // HEAD asks for the head alone.
    body: body === null || request.method === 'HEAD' ? '' : write(body),
  };
}

function write(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body);
}
