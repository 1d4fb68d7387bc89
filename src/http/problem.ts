import { STATUS_CODES } from 'node:http';
import * as z from 'zod';
import { PushError, type PushErrorCode } from '../errors.ts';
import type { Answer } from './reply.ts';

/** Problem details, RFC 9457: `title` and `status` are HTTP's own, `code` is Baton's and stable. */
export const problemSchema = z.object({
  type: z.literal('about:blank'),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  errors: z.array(z.object({ field: z.string(), expected: z.string(), got: z.string() })),
  requestId: z.string(),
  down: z.array(z.string()).optional().describe('what is down, if the status is 503'),
});

/** HTTP statuses of the errors that the caller can fix. */
const STATUS_OF: Partial<Record<PushErrorCode, number>> = {
  BAD_REQUEST: 400,
  BAD_INPUT: 400,
  NO_SUCH_SOURCE: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NO_SUCH_ROUTE: 404,
  NO_SUCH_ANNOUNCEMENT: 404,
  NO_SUCH_DEVICE: 404,
  NO_SUCH_TEMPLATE: 404,
  NO_SUCH_MEMBER: 404,
  WRONG_METHOD: 405,
  UNKNOWN_METHOD: 501,
  WRONG_STATUS: 409,
  KEY_REUSED: 409,
  PRUNED: 410,
  TOO_BIG: 413,
  WRONG_TYPE: 415,
};

/** What is down at errors of a dependency: the same request may succeed a little later. */
const DOWN: Partial<Record<PushErrorCode, string>> = {
  DATABASE: 'database',
  INVOKE_FAILED: 'lambda',
};

/** What is down if the function could not even start, for any reason but those above. */
const NOT_STARTED = 'function';

/** Replaces the message of every other error, which may name hosts, tables and key files: only the log has it. */
const SEE_LOG = 'the request failed; look up this requestId in the log of the function';

/** Makes a reply to a request that arrives while the function cannot start: another one may succeed a little later. */
export function makeStartProblem(error: unknown, requestId: string): Answer {
  const code = error instanceof PushError ? error.code : 'INTERNAL';
  const down = (error instanceof PushError && DOWN[error.code]) || NOT_STARTED;
  return problem(503, { detail: SEE_LOG, code, errors: [], requestId, down: [down] });
}

/** Makes a reply from any error; it is safe to send to any caller. */
export function makeProblem(error: unknown, requestId: string, headers: Answer['headers'] = {}): Answer {
  const pushError = error instanceof PushError ? error : null;
  const callerStatus = pushError ? STATUS_OF[pushError.code] : undefined;
  const down = pushError ? DOWN[pushError.code] : undefined;
  const status = callerStatus ?? (down === undefined ? 500 : 503);
  const shown = callerStatus === undefined ? null : pushError;
  return problem(
    status,
    {
      detail: shown?.message ?? SEE_LOG,
      code: pushError?.code ?? 'INTERNAL',
      errors: [...(shown?.problems ?? [])],
      requestId,
      ...(down === undefined ? {} : { down: [down] }),
    },
    headers,
  );
}

function problem(
  status: number,
  fields: Omit<z.infer<typeof problemSchema>, 'type' | 'title' | 'status'>,
  headers: Answer['headers'] = {},
): Answer {
  const title = STATUS_CODES[status] ?? '';
  const body: z.infer<typeof problemSchema> = { type: 'about:blank', title, status, ...fields };
  return { status, headers: { 'content-type': 'application/problem+json', ...headers }, body };
}
