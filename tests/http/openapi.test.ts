import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, test } from 'vitest';
import { describeApi } from '../../src/http/openapi.ts';
import { ROUTES } from '../../src/http/routes.ts';

const document = structuredClone(describeApi(ROUTES, '/live'));
const paths = document['paths'] as Record<string, Record<string, object>>;

test('the description is valid OpenAPI 3.1', async () => {
  expect(await new Validator().validate({ ...document })).toEqual({ valid: true });
});

test('the description has every route, with its request and its replies', () => {
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(described.toSorted()).toEqual(ROUTES.map(({ method, path }) => `${method} ${path}`).toSorted());
  expect(paths['/devices']?.['post']).toMatchObject({
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: {
            type: 'object',
            required: ['target'],
            additionalProperties: false,
            properties: { target: { type: 'string', maxLength: 512 }, kind: { enum: ['token', 'fid'] } },
          },
        },
      },
    },
    responses: { 200: { content: { 'application/json': { schema: { required: ['deviceId'] } } } } },
  });
});

test('an id is a number or text, as in a request', () => {
  expect(paths['/announcements/{announcementId}']?.['get']).toMatchObject({
    parameters: [
      {
        name: 'announcementId',
        in: 'path',
        required: true,
        schema: { anyOf: [{ type: 'number' }, { type: 'string' }] },
      },
    ],
  });
});

test('a parameter of the query is optional', () => {
  expect(paths['/announcements']?.['get']).toMatchObject({
    parameters: [
      { name: 'limit', in: 'query', required: false },
      { name: 'before', in: 'query', required: false },
    ],
  });
});

test('only health needs no token, and the server URL has the stage', () => {
  expect(paths['/health']?.['get']).toMatchObject({ security: [] });
  expect(document).toMatchObject({ security: [{ token: [] }], servers: [{ url: '/live' }] });
});

test('a request to resume may have a body, with what the caller accepts', () => {
  expect(paths['/announcements/{announcementId}/resume']?.['post']).toMatchObject({
    requestBody: {
      required: false,
      content: {
        'application/json': {
          schema: {
            additionalProperties: false,
            properties: { acceptEdits: { type: 'boolean' }, acceptUnregistered: { type: 'boolean' } },
          },
        },
      },
    },
  });
});
