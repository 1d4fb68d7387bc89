import { expect, test } from 'vitest';
import { checkAccess, makeCredentials } from '../../../src/local/lambda/access.ts';
import { LambdaApiError } from '../../../src/local/lambda/errors.ts';

const credentials = makeCredentials();
const sign = (key: string) =>
  `AWS4-HMAC-SHA256 Credential=${key}/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0`;
const client = { host: '127.0.0.1:9000', authorization: sign(credentials.accessKeyId) };
const HOSTS = ['127.0.0.1:9000', 'localhost:9000'];

test('a client with the credentials is let in, by either name of the machine', () => {
  expect(() => checkAccess(client, HOSTS, credentials)).not.toThrow();
  expect(() => checkAccess({ ...client, host: 'localhost:9000' }, HOSTS, credentials)).not.toThrow();
});

test.each([
  ['a web page', { origin: 'https://evil.example' }, 'AccessDeniedException'],
  ['a web page that hides its origin', { origin: 'null' }, 'AccessDeniedException'],
  ['an image of a web page', { 'sec-fetch-site': 'cross-site' }, 'AccessDeniedException'],
  ['a name that resolves to loopback', { host: 'rebound.example:9000' }, 'AccessDeniedException'],
  ['another port', { host: '127.0.0.1:9001' }, 'AccessDeniedException'],
  ['no host', { host: undefined }, 'AccessDeniedException'],
  ['no signature', { authorization: undefined }, 'MissingAuthenticationTokenException'],
  ['another scheme', { authorization: 'Bearer x' }, 'MissingAuthenticationTokenException'],
  [
    'the key of another run',
    { authorization: sign(makeCredentials().accessKeyId) },
    'UnrecognizedClientException',
  ],
  ['a key that anybody may guess', { authorization: sign('local') }, 'UnrecognizedClientException'],
])('%s is refused', (_case, headers, type) => {
  try {
    checkAccess({ ...client, ...headers }, HOSTS, credentials);
  } catch (error) {
    expect(error).toBeInstanceOf(LambdaApiError);
    expect(error).toMatchObject({ status: 403, type });
    expect(String(error)).not.toContain(credentials.accessKeyId);
    return;
  }
  throw new Error('expected an error, got none');
});

test('two runs have different keys', () => {
  expect(makeCredentials().accessKeyId).not.toBe(credentials.accessKeyId);
  expect(credentials.accessKeyId).toMatch(/^LOCAL[0-9a-f]{40}$/);
});
