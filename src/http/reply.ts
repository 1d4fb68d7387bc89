import { STATUS_CODES } from 'node:http';
import type { HttpRequest } from '../events/http.ts';

/** What a route answers; `body` is sent as JSON, and null stands for none. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** What API Gateway, function URLs and load balancers take as a reply. */
export interface HttpReply {
  readonly statusCode: number;
  /** For a load balancer. */
  readonly statusDescription?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** For a load balancer that was told to use these instead. */
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
    body: body === null ? '' : JSON.stringify(body),
  };
}
