import * as z from 'zod';
import { problemSchema } from './problem.ts';
import type { Route } from './route.ts';

type Json = Readonly<Record<string, unknown>>;

/** https://spec.openapis.org/oas/v3.1.0 , from the very schemas that check the requests. */
export function describeApi(routes: readonly Route[], prefix: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    (paths[route.path] ??= {})[route.method.toLowerCase()] = describeRoute(route);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Baton',
      description: 'Push notifications through Firebase Cloud Messaging.',
      version: '1',
    },
    servers: [{ url: prefix === '' ? '/' : prefix }],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: schemaOf(problemSchema, 'output') },
    },
  };
}

function describeRoute({ summary, isOpen, params, body, replies }: Route): Json {
  const fields = params ? (schemaOf(params, 'input')['properties'] as Json) : {};
  return {
    summary,
    ...(isOpen ? { security: [] } : {}),
    ...(params
      ? {
          parameters: Object.entries(fields).map(([name, schema]) => ({
            name,
            in: 'path',
            required: true,
            schema,
          })),
        }
      : {}),
    ...(body
      ? {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: schemaOf(body, 'input') } },
          },
        }
      : {}),
    responses: {
      ...Object.fromEntries(
        Object.entries(replies).map(([status, reply]) => [
          status,
          {
            description: reply.description,
            ...(reply.body
              ? { content: { 'application/json': { schema: schemaOf(reply.body, 'output') } } }
              : {}),
          },
        ]),
      ),
      default: {
        description: 'Refused, or failed.',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

/** As it is sent: what a schema makes of it is nobody's business. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}
