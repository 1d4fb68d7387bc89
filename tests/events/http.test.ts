import { expect, test } from 'vitest';
import { parseRequest } from '../../src/events/http.ts';
import { fixture } from '../support/events.ts';

const ARN = 'arn:aws:iam::111122223333:user/example-user';
const IAM = { kind: 'iam', arn: ARN };
const jwt = (subject: string, scopes: string[] = [], groups: string[] = []) => ({
  kind: 'jwt',
  subject,
  scopes,
  groups,
});

test.each([
  ['api-gateway-rest', { shape: 'rest', prefix: '/prod', caller: null, isMultiValue: false }],
  ['api-gateway-http', { shape: 'http', prefix: '', caller: null, isMultiValue: false }],
  [
    'api-gateway-http-jwt',
    { shape: 'http', prefix: '/live', caller: jwt('back-end', ['push']), isMultiValue: false },
  ],
  ['api-gateway-http-1.0', { shape: 'rest', prefix: '/live', caller: null, isMultiValue: false }],
  ['function-url', { shape: 'http', prefix: '', caller: IAM, isMultiValue: false }],
  ['alb', { shape: 'alb', prefix: '', caller: null, isMultiValue: false }],
  ['alb-multi-value', { shape: 'alb', prefix: '', caller: null, isMultiValue: true }],
])('an event of the shape %s is a request', (name, rest) => {
  const request = parseRequest(fixture(name));
  expect(request).toMatchObject({ method: 'POST', path: '/push', ...rest });
  expect(request?.headers.get('content-type')).toMatch(/^application\/json/);
  expect(JSON.parse(Buffer.from(request!.body).toString())).toHaveProperty('announcementId');
});

test.each(['direct', 'sns', 'sqs', 'eventbridge-rule', 'eventbridge-scheduler', 'lambda-destination'])(
  'an event of the shape %s is not a request',
  (name) => {
    expect(parseRequest(fixture(name))).toBeNull();
  },
);

test('a repeated header becomes one, and its name is in lower case', () => {
  const { multiValueHeaders } = fixture('alb-multi-value');
  const request = parseRequest({
    ...fixture('alb-multi-value'),
    multiValueHeaders: { ...(multiValueHeaders as object), 'X-Twice': ['1', '2'] },
  });
  expect(request?.headers.get('x-twice')).toBe('1, 2');
});

test.each([
  ['function-url', { cookies: ['a=1', 'b=2'] }],
  ['api-gateway-http-1.0', { multiValueHeaders: { Cookie: ['a=1; b=2'] } }],
  ['alb', { headers: { cookie: 'a=1; b=2' } }],
  ['alb-multi-value', { multiValueHeaders: { cookie: ['a=1', 'b=2'] } }],
])('%s: the cookies are one header, as a browser writes it', (name, change) => {
  expect(parseRequest({ ...fixture(name), ...change })?.headers.get('cookie')).toBe('a=1; b=2');
});

const identity = { userArn: ARN };

test.each([
  ['IAM of a REST API', 'api-gateway-rest', { identity }, IAM],
  ['Cognito of a REST API', 'api-gateway-rest', { authorizer: { claims: { sub: 'user-1' } } }, jwt('user-1')],
  ['no authorizer of a REST API', 'api-gateway-rest', { authorizer: {} }, null],
  [
    'JWT without a subject',
    'api-gateway-http',
    { authorizer: { jwt: { claims: { client_id: 'c' } } } },
    jwt('c'),
  ],
  ['IAM of an HTTP API', 'api-gateway-http', { authorizer: { iam: { userArn: ARN } } }, IAM],
  ['a function URL without IAM', 'function-url', { authorizer: undefined }, null],
  ['a load balancer, which names no caller', 'alb', { identity, authorizer: { claims: { sub: 'x' } } }, null],
])('%s: the caller is the one that the gateway names', (_case, name, change, caller) => {
  const event = fixture(name);
  const requestContext = { ...(event['requestContext'] as object), ...change };
  expect(parseRequest({ ...event, requestContext })?.caller).toEqual(caller);
});

test.each([
  ['text with blanks', { scope: 'openid push/send' }, ['openid', 'push/send'], []],
  ['a list', { scp: ['push', 7, ''], 'cognito:groups': ['staff'] }, ['push'], ['staff']],
  ['a list as an HTTP API writes it', { 'cognito:groups': '[staff back-end]' }, [], ['staff', 'back-end']],
  ['a list as a REST API writes it', { 'cognito:groups': 'staff,back-end' }, [], ['staff', 'back-end']],
  ['attributes that users may set', { 'custom:scope': 'push', groups: 'staff', name: 'push' }, [], []],
])('the scopes and groups of a JWT: %s', (_case, claims, scopes, groups) => {
  const event = fixture('api-gateway-http');
  const authorizer = { jwt: { claims: { sub: 'u', ...claims }, scopes: ['push'] } };
  const requestContext = { ...(event['requestContext'] as object), authorizer };
  expect(parseRequest({ ...event, requestContext })?.caller).toEqual(jwt('u', scopes, groups));
});

test.each([
  ['api-gateway-rest', { queryStringParameters: { limit: '2', after: 'a&b' } }],
  [
    'api-gateway-rest',
    {
      queryStringParameters: { limit: '1' },
      multiValueQueryStringParameters: { limit: ['1', '2'], after: ['a&b'] },
    },
  ],
  ['api-gateway-http', { rawQueryString: 'limit=1&limit=2&after=a%26b' }],
  ['alb', { queryStringParameters: { limit: '2', after: 'a%26b' } }],
  ['alb-multi-value', { multiValueQueryStringParameters: { limit: ['1', '2'], after: ['a%26b'] } }],
])('%s: the query is decoded, and the last of repeated parameters counts', (name, change) => {
  const query = parseRequest({ ...fixture(name), ...change })?.query;
  expect(Object.fromEntries(query ?? [])).toEqual({ limit: '2', after: 'a&b' });
});
