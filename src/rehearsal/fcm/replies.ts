/** FCM's answers, with its own words where clients read them. https://firebase.google.com/docs/cloud-messaging/error-codes */

export interface FcmReply {
  readonly status: number;
  readonly body: string;
  readonly retryAfterSeconds?: number;
  /** Name of this answer in the sandbox's statistics. */
  readonly code: string;
}

const FCM_ERROR = 'type.googleapis.com/google.firebase.fcm.v1.FcmError';
const BAD_REQUEST = 'type.googleapis.com/google.rpc.BadRequest';
const ERROR_INFO = 'type.googleapis.com/google.rpc.ErrorInfo';
const QUOTA_FAILURE = 'type.googleapis.com/google.rpc.QuotaFailure';

export function accepted(name: string): FcmReply {
  return { status: 200, code: 'OK', body: JSON.stringify({ name }) };
}

export const UNREGISTERED = fcmError(404, 'NOT_FOUND', 'UNREGISTERED', 'Requested entity was not found.');

export const BAD_TARGET = fcmError(
  400,
  'INVALID_ARGUMENT',
  'INVALID_ARGUMENT',
  'The registration token is not a valid FCM registration token',
);

export const SENDER_ID_MISMATCH = fcmError(
  403,
  'PERMISSION_DENIED',
  'SENDER_ID_MISMATCH',
  'SenderId mismatch',
);

export const UNAVAILABLE = fcmError(
  503,
  'UNAVAILABLE',
  'UNAVAILABLE',
  'The service is currently unavailable.',
);

export const INTERNAL = fcmError(500, 'INTERNAL', 'INTERNAL', 'Internal error encountered.');

/** FCM's refusal of a payload without a word about the field at fault, or about the target. */
export const REFUSED = fcmError(
  400,
  'INVALID_ARGUMENT',
  'INVALID_ARGUMENT',
  'Request contains an invalid argument.',
);

export const SERVICE_DISABLED = error(
  403,
  'PERMISSION_DENIED',
  'SERVICE_DISABLED',
  'Firebase Cloud Messaging API has not been used in project 123456789012 before or it is disabled. Enable it by visiting ' +
    'https://console.developers.google.com/apis/api/fcm.googleapis.com/overview?project=123456789012 then retry.',
  [{ '@type': ERROR_INFO, reason: 'SERVICE_DISABLED', domain: 'googleapis.com' }],
);

export const UNAUTHENTICATED = plainError(
  401,
  'UNAUTHENTICATED',
  'Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid ' +
    'authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.',
);

export const NOT_FOUND = plainError(404, 'NOT_FOUND', 'Requested entity was not found.');

export function quotaExceeded(retryAfterSeconds: number): FcmReply {
  const words = "Quota exceeded for quota metric 'Send Message' and limit 'Send Message per minute'.";
  const detail = { '@type': QUOTA_FAILURE, violations: [{ subject: 'project', description: words }] };
  return { ...fcmError(429, 'RESOURCE_EXHAUSTED', 'QUOTA_EXCEEDED', words, [detail]), retryAfterSeconds };
}

/** `badPayload` names the field at fault. An invalid target is `BAD_TARGET`, not this. */
export function badPayload(field: string, description: string): FcmReply {
  const detail = { '@type': BAD_REQUEST, fieldViolations: [{ field, description }] };
  return error(400, 'INVALID_ARGUMENT', 'BAD_PAYLOAD', `Invalid value at '${field}': ${description}`, [
    detail,
  ]);
}

function fcmError(
  status: number,
  words: string,
  errorCode: string,
  message: string,
  more: readonly object[] = [],
): FcmReply {
  return error(status, words, errorCode, message, [{ '@type': FCM_ERROR, errorCode }, ...more]);
}

/** An error of Google's front end, which has no error code of FCM. */
function plainError(status: number, words: string, message: string): FcmReply {
  return error(status, words, words, message, []);
}

function error(
  status: number,
  words: string,
  code: string,
  message: string,
  details: readonly object[],
): FcmReply {
  const body = {
    error: { code: status, message, status: words, ...(details.length > 0 ? { details } : {}) },
  };
  return { status, code, body: JSON.stringify(body) };
}
