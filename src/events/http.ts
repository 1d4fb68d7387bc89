import { isObject } from '../parse.ts';

/**
 * One HTTP request, whoever brought it.
 *
 * - `alb`: an Application Load Balancer.
 * - `rest`: a REST API, or an HTTP API with payload format 1.0.
 * - `http`: an HTTP API with payload format 2.0, a function URL, or `baton serve`.
 */
export interface HttpRequest {
  readonly shape: 'alb' | 'rest' | 'http';
  /** An ALB target group with multi-value headers takes no others in the reply. */
  readonly isMultiValue: boolean;
  readonly method: string;
  /** Without the stage. */
  readonly path: string;
  /** What the caller's own path has before it: the stage, or nothing. */
  readonly prefix: string;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
  /** Whom the gateway's own authorizer, IAM or JWT, has let through; null if it did not say. */
  readonly caller: string | null;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * An event -> the request in it; null if there is none. Whatever is missing in it counts as empty, so that each refusal
 * is an HTTP reply.
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
  // A failed event's record, as a Lambda destination gets it, has a version and a requestContext too, but no method.
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
    shape: 'alb',
    method,
    path: textOf(event['path']),
    prefix: '',
    // Its x-amzn-oidc headers prove nothing by themselves: behind a rule without authentication anybody may send them.
    caller: null,
  };
}

function parseVersion1(event: Fields, requestContext: Fields, method: string): HttpRequest {
  const path = textOf(event['path']);
  // A REST API's path is without its stage, which requestContext.path has; an HTTP API's has it in both.
  const full = textOf(requestContext['path']);
  const own =
    event['version'] === '1.0'
      ? splitStage(path, requestContext['stage'])
      : { path, prefix: full.endsWith(path) ? full.slice(0, full.length - path.length) : '' };
  const { authorizer, identity } = requestContext;
  const userArn = isObject(identity) ? identity['userArn'] : null;
  return {
    ...parsePayload(event),
    ...own,
    shape: 'rest',
    method,
    caller: nameOf(userArn) ?? subjectOf(authorizer),
  };
}

function parseVersion2(event: Fields, requestContext: Fields, method: string): HttpRequest {
  const { authorizer } = requestContext;
  const iam = isObject(authorizer) ? authorizer['iam'] : null;
  const jwt = isObject(authorizer) ? authorizer['jwt'] : null;
  return {
    ...parsePayload(event),
    ...splitStage(textOf(event['rawPath']), requestContext['stage']),
    shape: 'http',
    method,
    caller: (isObject(iam) ? nameOf(iam['userArn']) : null) ?? subjectOf(jwt),
  };
}

/** The claims are null, not absent, where no authorizer is set. */
function subjectOf(authorizer: unknown): string | null {
  if (!isObject(authorizer) || !isObject(authorizer['claims'])) return null;
  const { sub, client_id: clientId } = authorizer['claims'];
  return nameOf(sub) ?? nameOf(clientId);
}

function nameOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** `$default` is the one stage that is not part of the path. */
function splitStage(path: string, stage: unknown): { path: string; prefix: string } {
  const prefix = `/${textOf(stage)}`;
  if (path === prefix || path.startsWith(`${prefix}/`)) return { path: path.slice(prefix.length), prefix };
  return { path, prefix: '' };
}

function parsePayload(event: Fields): Pick<HttpRequest, 'headers' | 'body' | 'isMultiValue'> {
  const { headers, multiValueHeaders, body, isBase64Encoded } = event;
  const isMultiValue = isObject(multiValueHeaders) && !isObject(headers);
  const merged = new Map<string, string>();
  for (const [name, value] of isObject(headers) ? Object.entries(headers) : []) {
    if (typeof value === 'string') merged.set(name.toLowerCase(), value);
  }
  for (const [name, values] of isObject(multiValueHeaders) ? Object.entries(multiValueHeaders) : []) {
    if (Array.isArray(values)) merged.set(name.toLowerCase(), values.map(textOf).join(', '));
  }
  return {
    isMultiValue,
    headers: merged,
    body: Buffer.from(textOf(body), isBase64Encoded === true ? 'base64' : 'utf8'),
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
