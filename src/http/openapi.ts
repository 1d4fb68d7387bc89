import * as z from 'zod';
import { problemSchema } from './problem.ts';
import type { Route } from './route.ts';

type Json = Readonly<Record<string, unknown>>;

/** Describes routes as OpenAPI, from the same schemas that check requests. https://spec.openapis.org/oas/v3.1.0 */
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

function describeRoute({
  summary,
  isOpen,
  params,
  query,
  body,
  isBodyOptional = false,
  replies,
}: Route): Json {
  const parameters = [...parametersOf(params, 'path'), ...parametersOf(query, 'query')];
  return {
    summary,
    ...(isOpen ? { security: [] } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body
      ? {
          requestBody: {
            required: !isBodyOptional,
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
              ? {
                  content: {
                    [reply.contentType ?? 'application/json']: { schema: schemaOf(reply.body, 'output') },
                  },
                }
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

/** The fields of a schema as parameters; a parameter of the path is always required, one of the query never. */
function parametersOf(schema: z.ZodType | undefined, place: 'path' | 'query'): Json[] {
  const fields = schema ? (schemaOf(schema, 'input')['properties'] as Json) : {};
  return Object.entries(fields).map(([name, field]) => ({
    name,
    in: place,
    required: place === 'path',
    schema: field,
  }));
}

/** A schema as JSON Schema: `input` is what callers send, before the schema transforms it. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}
