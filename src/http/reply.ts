import { STATUS_CODES } from 'node:http';
import type { HttpRequest } from '../events/http.ts';

/** The answer of a route. `body` is sent as JSON, and text as it is, with the content-type in `headers`; null: no body. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
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
  readonly isBase64Encoded: false;
  readonly body: string;
}

export function makeReply(request: HttpRequest, { status, headers = {}, body }: Answer): HttpReply {
  const all = {
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
    isBase64Encoded: false,
    // HEAD asks for the head alone.
    body: body === null || request.method === 'HEAD' ? '' : write(body),
  };
}

function write(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body);
}
