import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';

/**
 * `makeEvent` makes the event of a request, still without its body. Format 2.0:
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export function makeEvent(request: IncomingMessage, requestId: string): object {
  const { method = '', url = '', socket } = request;
  const { cookie, ...headers } = request.headers;
  const [rawPath = '', rawQueryString = ''] = url.split(/\?(.*)/s);
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString,
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
    ),
    ...(cookie === undefined ? {} : { cookies: cookie.split(/; */) }),
    requestContext: {
      http: { method, path: rawPath, protocol: 'HTTP/1.1', sourceIp: socket.remoteAddress },
      requestId,
      stage: '$default',
    },
    body: '',
    isBase64Encoded: false,
  };
}

export function withBody(event: object, body: Buffer): object {
  const isBase64Encoded = !isUtf8(body);
  return { ...event, body: body.toString(isBase64Encoded ? 'base64' : 'utf8'), isBase64Encoded };
}
