import type { Outcome } from '../model/delivery.ts';
import { parseRetryAfter } from './retry-after.ts';
import { cleanWords } from './words.ts';

/** FCM's answer to one message. */
export interface Reply {
  readonly status: number;
  /** The parsed JSON body; null if there was none, or it could not be parsed, or it was too long. */
  readonly body: unknown;
  /** The Retry-After header: seconds, or an HTTP date. */
  readonly retryAfter: string | null;
}

/**
 * The verdict for each of FCM's own error codes. https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode
 * INVALID_ARGUMENT is missing here: FCM uses it for a bad target and for a bad payload, and judgeInvalid distinguishes them.
 * A Map, because the codes come from outside: an object also has what it inherits, such as `constructor`.
 */
const VERDICT_BY_CODE: ReadonlyMap<string, Outcome['verdict']> = new Map([
  ['UNREGISTERED', 'unregistered'],
  ['SENDER_ID_MISMATCH', 'rejected'],
  ['QUOTA_EXCEEDED', 'retryable'],
  ['UNAVAILABLE', 'retryable'],
  ['INTERNAL', 'retryable'],
  ['UNSPECIFIED_ERROR', 'retryable'],
  ['THIRD_PARTY_AUTH_ERROR', 'misconfigured'],
]);

/** Every code of FCM's own that has a verdict. */
export const FCM_ERROR_CODES: ReadonlySet<string> = new Set([...VERDICT_BY_CODE.keys(), 'INVALID_ARGUMENT']);

const FCM_ERROR = 'type.googleapis.com/google.firebase.fcm.v1.FcmError';
const BAD_REQUEST = 'type.googleapis.com/google.rpc.BadRequest';
const ERROR_INFO = 'type.googleapis.com/google.rpc.ErrorInfo';

/** A code of FCM or Google. Anything else in its place is text of unknown length and content, and is ignored. */
const CODE = /^[A-Z][A-Z0-9_]{0,62}$/;

/** The most characters of the name of an accepted message that the ledger can hold. */
const MAX_NAME_LENGTH = 255;

const TARGET_FIELD = /^message\.(token|fid)$/;

/** FCM's message for a bad target is "The registration token is not a valid FCM registration token". */
const ABOUT_TARGET = /registration token|installation id/i;

/**
 * `judge` goes by the FcmError detail, never by the HTTP status alone. Without that detail a 404 means a wrong project, a 403
 * the service account, a 401 the access token: judged by their status, they would remove live devices from the table.
 * `target` is the message's own, which the outcome must not quote.
 */
export function judge(reply: Reply, nowMs: number, target = ''): Outcome {
  const { status, body } = reply;
  if (status === 200) return judgeAccepted(body);
  // FCM has no other success. A server that answers so may have accepted the message all the same.
  if (!(status >= 300)) return judgeSilence('UNREADABLE_REPLY', 'perhaps');
  const error = field(body, 'error');
  const code = readCode(error, FCM_ERROR, 'errorCode');
  const judged = code === 'INVALID_ARGUMENT' ? judgeInvalid(error) : { verdict: judgeCode(code, status) };
  const outcome: Outcome = {
    ...judged,
    reason: code ?? statusReason(status, error),
    messageName: null,
    retryAfterMs: judged.verdict === 'retryable' ? parseRetryAfter(reply.retryAfter, nowMs) : null,
  };
  const isRefused = judged.verdict === 'misconfigured' || judged.verdict === 'rejected';
  const words = isRefused ? cleanWords(field(error, 'message'), target) : null;
  return words === null ? outcome : { ...outcome, words };
}

/** The outcome of a message without an answer; `processed` says whether FCM may have processed it. */
export function judgeSilence(reason: string, processed: 'perhaps' | 'no'): Outcome {
  const verdict = processed === 'no' ? 'retryable' : 'unknown';
  return { verdict, reason, messageName: null, retryAfterMs: null };
}

function judgeAccepted(body: unknown): Outcome {
  const name = field(body, 'name');
  if (typeof name !== 'string' || name === '') return judgeSilence('UNREADABLE_REPLY', 'perhaps');
  const messageName = name.length <= MAX_NAME_LENGTH ? name : null;
  return { verdict: 'delivered', reason: null, messageName, retryAfterMs: null };
}

/** FCM names the fields at fault: any other than the target is part of the payload, which all devices get. */
function judgeInvalid(error: unknown): Pick<Outcome, 'verdict' | 'blamesTarget'> {
  const violations = details(error, BAD_REQUEST).flatMap((detail) => list(field(detail, 'fieldViolations')));
  const fields = violations.map((violation) => field(violation, 'field'));
  if (!fields.every((name) => typeof name === 'string' && TARGET_FIELD.test(name))) {
    return { verdict: 'misconfigured' };
  }
  const message = field(error, 'message');
  const blamesTarget = fields.length > 0 || (typeof message === 'string' && ABOUT_TARGET.test(message));
  return blamesTarget ? { verdict: 'rejected', blamesTarget } : { verdict: 'rejected' };
}

function judgeCode(code: string | null, status: number): Outcome['verdict'] {
  const verdict = code === null ? undefined : VERDICT_BY_CODE.get(code);
  if (verdict !== undefined) return verdict;
  return status === 408 || status === 429 || status >= 500 ? 'retryable' : 'misconfigured';
}

/** The reason of an answer without FCM's own code: the status, and Google's word for the cause or for the status. */
function statusReason(status: number, error: unknown): string {
  const word = readCode(error, ERROR_INFO, 'reason') ?? asCode(field(error, 'status'));
  return word === null ? `HTTP_${status}` : `HTTP_${status}_${word}`;
}

/** The code in the first detail of this type; null if there is none. */
function readCode(error: unknown, type: string, name: string): string | null {
  return asCode(field(details(error, type)[0], name));
}

function asCode(value: unknown): string | null {
  return typeof value === 'string' && CODE.test(value) ? value : null;
}

function details(error: unknown, type: string): unknown[] {
  return list(field(error, 'details')).filter((detail) => field(detail, '@type') === type);
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
