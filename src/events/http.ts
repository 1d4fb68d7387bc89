import type { GatewayCaller } from '../model/gateway-caller.ts';
import { isObject } from '../parse.ts';
import { parseIamCaller, parseJwtCaller } from './gateway-caller.ts';

/** One HTTP request, in the same form for every gateway. */
export interface HttpRequest {
  /**
   * The gateway's kind of event.
   * - `alb`: an Application Load Balancer.
   * - `rest`: a REST API, or an HTTP API with payload format 1.0.
   * - `http`: an HTTP API with payload format 2.0, a function URL, or `baton serve`.
   */
  readonly shape: 'alb' | 'rest' | 'http';
  /** True: a target group of a load balancer with multi-value headers, which accepts no other headers in the reply. */
  readonly isMultiValue: boolean;
  readonly method: string;
  /** The path without the stage. */
  readonly path: string;
  /** What precedes `path` in the URL that the caller used: the stage, or nothing. */
  readonly prefix: string;
  /** Header values by name in lower case; `cookie` has all cookies, whatever field of the event they arrive in. */
  readonly headers: ReadonlyMap<string, string>;
  /** The query string's parameters; of a repeated one, the last value. */
  readonly query: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
  /** The caller that the gateway's IAM or JWT authorizer let through; null if the gateway names none. */
  readonly caller: GatewayCaller | null;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Parses the HTTP request in an event; null for any other event. A missing part counts as empty, so that every refusal is an
 * HTTP reply.
 *
 * ALB: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
 * REST API: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
 * HTTP API: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 * Function URL: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
 */
export function parseRequest(event: unknown): HttpRequest | null {
  if (!isObject(event) || !isObject(event['requestContext'])) return null;
  const { requestContext } = event;
  const { elb, http } = requestContext;
  // The record of a failed event that a Lambda destination receives also has a version and a requestContext, but no method.
  if (event['version'] === '2.0' && isObject(http)) {
    const { method } = http;
    return typeof method === 'string' ? parseVersion2(event, requestContext, method) : null;
  }
  const { httpMethod } = event;
  if (typeof httpMethod !== 'string') return null;
  return isObject(elb) ? parseAlb(event, httpMethod) : parseVersion1(event, requestContext, httpMethod);
}

function parseAlb(event: Fields, method: string): HttpRequest {
  return {
    ...parsePayload(event),
    // Decoded here, because a load balancer does not decode the parameters.
    query: new Map(new URLSearchParams(joinParameters(parseParameters(event)))),
    shape: 'alb',
    method,
    path: textOf(event['path']),
    prefix: '',
    // The x-amzn-oidc headers prove nothing by themselves: behind a rule without authentication any client can send them.
    caller: null,
  };
}

function parseVersion1(event: Fields, requestContext: Fields, method: string): HttpRequest {
  const path = textOf(event['path']);
  // The stage is only in requestContext.path for a REST API, and in both paths for an HTTP API.
  const full = textOf(requestContext['path']);
  const own =
    event['version'] === '1.0'
      ? splitStage(path, requestContext['stage'])
      : { path, prefix: full.endsWith(path) ? full.slice(0, full.length - path.length) : '' };
  const { authorizer, identity } = requestContext;
  return {
    ...parsePayload(event),
    ...own,
    query: new Map(parseParameters(event)),
    shape: 'rest',
    method,
    caller: parseIamCaller(identity) ?? parseJwtCaller(authorizer),
  };
}

function parseVersion2(event: Fields, requestContext: Fields, method: string): HttpRequest {
  const { authorizer } = requestContext;
  const iam = isObject(authorizer) ? authorizer['iam'] : null;
  const jwt = isObject(authorizer) ? authorizer['jwt'] : null;
  return {
    ...parsePayload(event),
    ...splitStage(textOf(event['rawPath']), requestContext['stage']),
    query: new Map(new URLSearchParams(textOf(event['rawQueryString']))),
    shape: 'http',
    method,
    caller: parseIamCaller(iam) ?? parseJwtCaller(jwt),
  };
}

/** Splits the stage from the path. Only the stage `$default` is not part of the path. */
function splitStage(path: string, stage: unknown): { path: string; prefix: string } {
  const prefix = `/${textOf(stage)}`;
  if (path === prefix || path.startsWith(`${prefix}/`)) return { path: path.slice(prefix.length), prefix };
  return { path, prefix: '' };
}

function parsePayload(event: Fields): Pick<HttpRequest, 'headers' | 'body' | 'isMultiValue'> {
  const { headers, multiValueHeaders, cookies, body, isBase64Encoded } = event;
  const isMultiValue = isObject(multiValueHeaders) && !isObject(headers);
  const merged = new Map<string, string>();
  for (const [name, value] of isObject(headers) ? Object.entries(headers) : []) {
    if (typeof value === 'string') merged.set(name.toLowerCase(), value);
  }
  for (const [name, values] of isObject(multiValueHeaders) ? Object.entries(multiValueHeaders) : []) {
    if (!Array.isArray(values)) continue;
    const lower = name.toLowerCase();
    // HTTP/2 sends each cookie in a header of its own.
    merged.set(lower, values.map(textOf).join(lower === 'cookie' ? '; ' : ', '));
  }
  // An event of format 2.0 has the cookies in a field of its own.
  if (Array.isArray(cookies) && cookies.length > 0) merged.set('cookie', cookies.map(textOf).join('; '));
  return {
    isMultiValue,
    headers: merged,
    body: Buffer.from(textOf(body), isBase64Encoded === true ? 'base64' : 'utf8'),
  };
}

/** The parameters of a query string as an ALB or a REST API has them; of a repeated one, the last value. */
function parseParameters(event: Fields): [string, string][] {
  const { queryStringParameters: single, multiValueQueryStringParameters: several } = event;
  const lists = isObject(several) ? Object.entries(several) : [];
  return [
    ...(isObject(single) ? Object.entries(single) : []),
    ...lists.map(([name, values]) => [name, Array.isArray(values) ? values.at(-1) : null] as const),
  ].flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : []));
}

function joinParameters(parameters: readonly (readonly [string, string])[]): string {
  return parameters.map(([name, value]) => `${name}=${value}`).join('&');
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
