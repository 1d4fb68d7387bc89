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

/** The caller can mend these. */
const STATUS_OF: Partial<Record<PushErrorCode, number>> = {
  BAD_REQUEST: 400,
  NO_SUCH_SOURCE: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NO_SUCH_ROUTE: 404,
  NO_SUCH_ANNOUNCEMENT: 404,
  NO_SUCH_DEVICE: 404,
  WRONG_METHOD: 405,
  WRONG_STATUS: 409,
  TOO_BIG: 413,
  WRONG_TYPE: 415,
};

/** The same request may well succeed a little later. */
const IN_PASSING: readonly PushErrorCode[] = ['DATABASE', 'INVOKE_FAILED'];

/** What only the log is told: it may name hosts, tables and keys' files. */
const UNTOLD =
  'the request could not be worked off; the log of the function has the reason, by this requestId';

/** Whatever went wrong -> a reply that is safe to send to anybody. */
export function makeProblem(error: unknown, requestId: string, headers: Answer['headers'] = {}): Answer {
  const isPushError = error instanceof PushError;
  const told = isPushError ? STATUS_OF[error.code] : undefined;
  const status = told ?? (isPushError && IN_PASSING.includes(error.code) ? 503 : 500);
  const body: z.infer<typeof problemSchema> = {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? '',
    status,
    detail: isPushError && told !== undefined ? error.message : UNTOLD,
    code: isPushError ? error.code : 'INTERNAL',
    errors: isPushError && told !== undefined ? [...error.problems] : [],
    requestId,
  };
  return { status, headers: { 'content-type': 'application/problem+json', ...headers }, body };
}
