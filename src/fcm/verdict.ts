import type { Outcome } from '../model/delivery.ts';

/** FCM's answer to one message. */
export interface Reply {
  readonly status: number;
  /** The parsed JSON body; null if there was none or it could not be parsed. */
  readonly body: unknown;
  /** The Retry-After header: seconds, or an HTTP date. */
  readonly retryAfter: string | null;
}

/**
 * The verdict for each of FCM's own error codes. https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode
 * INVALID_ARGUMENT is missing here: FCM uses it for a bad target and for a bad payload, and judgeInvalid distinguishes them.
 */
const VERDICT_BY_CODE: Readonly<Record<string, Outcome['verdict']>> = {
  UNREGISTERED: 'unregistered',
  SENDER_ID_MISMATCH: 'rejected',
  QUOTA_EXCEEDED: 'retryable',
  UNAVAILABLE: 'retryable',
  INTERNAL: 'retryable',
  UNSPECIFIED_ERROR: 'retryable',
  THIRD_PARTY_AUTH_ERROR: 'misconfigured',
};

const FCM_ERROR = 'type.googleapis.com/google.firebase.fcm.v1.FcmError';
const BAD_REQUEST = 'type.googleapis.com/google.rpc.BadRequest';

/**
 * `judge` goes by the FcmError detail, never by the HTTP status alone. Without that detail a 404 means a wrong project, a 403
 * the service account, a 401 the access token: judged by their status, they would remove live devices from the table.
 */
export function judge(reply: Reply, nowMs: number): Outcome {
  if (reply.status === 200) return judgeAccepted(reply.body);
  const error = field(reply.body, 'error');
  const code = fcmErrorCode(error);
  const verdict =
    code === 'INVALID_ARGUMENT'
      ? judgeInvalid(error)
      : code
        ? (VERDICT_BY_CODE[code] ?? judgeStatus(reply.status))
        : judgeStatus(reply.status);
  const retryAfterMs = verdict === 'retryable' ? parseRetryAfter(reply.retryAfter, nowMs) : null;
  return { verdict, reason: code ?? statusReason(reply.status, error), messageName: null, retryAfterMs };
}

/** The outcome of a message without an answer; `processed` says whether FCM may have processed it. */
export function judgeSilence(reason: string, processed: 'perhaps' | 'no'): Outcome {
  const verdict = processed === 'no' ? 'retryable' : 'unknown';
  return { verdict, reason, messageName: null, retryAfterMs: null };
}

function judgeAccepted(body: unknown): Outcome {
  const name = field(body, 'name');
  if (typeof name !== 'string') return judgeSilence('UNREADABLE_REPLY', 'perhaps');
  return { verdict: 'delivered', reason: null, messageName: name, retryAfterMs: null };
}

/** FCM names the fields at fault: any other than the target is part of the payload, which all devices get. */
function judgeInvalid(error: unknown): Outcome['verdict'] {
  const violations = details(error, BAD_REQUEST).flatMap((detail) => list(field(detail, 'fieldViolations')));
  const isPayload = violations.some(
    (violation) => !/^message\.(token|fid)$/.test(String(field(violation, 'field'))),
  );
  return isPayload ? 'misconfigured' : 'rejected';
}

function judgeStatus(status: number): Outcome['verdict'] {
  return status === 429 || status >= 500 ? 'retryable' : 'misconfigured';
}

function statusReason(status: number, error: unknown): string {
  const name = field(error, 'status');
  return typeof name === 'string' ? `HTTP_${status}_${name}` : `HTTP_${status}`;
}

function fcmErrorCode(error: unknown): string | null {
  const code = details(error, FCM_ERROR).map((detail) => field(detail, 'errorCode'))[0];
  return typeof code === 'string' ? code : null;
}

function details(error: unknown, type: string): unknown[] {
  return list(field(error, 'details')).filter((detail) => field(detail, '@type') === type);
}

function parseRetryAfter(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - nowMs);
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
