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
  WRONG_METHOD: 405,
  WRONG_STATUS: 409,
  KEY_REUSED: 409,
  TOO_BIG: 413,
  WRONG_TYPE: 415,
};

/** Errors of a dependency: the same request may succeed a little later. */
const TRANSIENT: readonly PushErrorCode[] = ['DATABASE', 'INVOKE_FAILED'];

/** Replaces the message of every other error, which may name hosts, tables and key files: only the log has it. */
const SEE_LOG = 'the request failed; look up this requestId in the log of the function';

/** Makes a reply from any error; it is safe to send to any caller. */
export function makeProblem(error: unknown, requestId: string, headers: Answer['headers'] = {}): Answer {
  const pushError = error instanceof PushError ? error : null;
  const callerStatus = pushError ? STATUS_OF[pushError.code] : undefined;
  const isTransient = pushError !== null && TRANSIENT.includes(pushError.code);
  const status = callerStatus ?? (isTransient ? 503 : 500);
  const shown = callerStatus === undefined ? null : pushError;
  const body: z.infer<typeof problemSchema> = {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? '',
    status,
    detail: shown?.message ?? SEE_LOG,
    code: pushError?.code ?? 'INTERNAL',
    errors: [...(shown?.problems ?? [])],
    requestId,
  };
  return { status, headers: { 'content-type': 'application/problem+json', ...headers }, body };
}
