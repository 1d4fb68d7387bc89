import { cutText, withoutContents } from '../../errors.ts';
import { describeShape } from '../../show.ts';

/** A refused value may be megabytes long: an error quotes the beginning. */
const MAX_QUOTED = 200;

/** An error of the Lambda API in the form that AWS sends. */
export class LambdaApiError extends Error {
  override readonly name = 'LambdaApiError';
  readonly status: number;
  readonly type: string;
  readonly body: Readonly<Record<string, string>>;

  /** `key` is the name of the message's field: AWS's model writes it with a capital in some errors only. */
  constructor(status: number, type: string, key: 'Message' | 'message', message: string, reason?: string) {
    super(message);
    this.status = status;
    this.type = type;
    this.body = {
      Type: status < 500 ? 'User' : 'Service',
      [key]: message,
      ...(reason === undefined ? {} : { Reason: reason }),
    };
  }
}

export type ThrottleReason =
  'ConcurrentInvocationLimitExceeded' | 'ReservedFunctionConcurrentInvocationLimitExceeded';

export function notFound(message: string): LambdaApiError {
  return new LambdaApiError(404, 'ResourceNotFoundException', 'Message', message);
}

export function throttled(reason: ThrottleReason): LambdaApiError {
  return new LambdaApiError(429, 'TooManyRequestsException', 'message', 'Rate Exceeded.', reason);
}

export function notJson(why: string): LambdaApiError {
  const message = `Could not parse request body into json: Could not parse payload into json: ${why}`;
  return new LambdaApiError(400, 'InvalidRequestContentException', 'message', message);
}

export function badClientContext(): LambdaApiError {
  const message = 'Client context must be a valid Base64-encoded JSON object.';
  return new LambdaApiError(400, 'InvalidRequestContentException', 'message', message);
}

export function tooLarge(limitBytes: number): LambdaApiError {
  const message = `Request must be smaller than ${limitBytes} bytes for the InvokeFunction operation`;
  return new LambdaApiError(413, 'RequestTooLargeException', 'message', message);
}

export function badParameter(message: string): LambdaApiError {
  return new LambdaApiError(400, 'InvalidParameterValueException', 'message', message);
}

export function badValue(value: unknown, member: string, constraint: string): LambdaApiError {
  const message = `1 validation error detected: Value '${showValue(value)}' at '${member}' failed to satisfy constraint: Member must ${constraint}`;
  return new LambdaApiError(400, 'ValidationException', 'message', message);
}

export function recursive(): LambdaApiError {
  const message =
    'Lambda has detected your function being invoked in a recursive loop with other Amazon Web Services ' +
    "resources and stopped your function's invocation.";
  return new LambdaApiError(400, 'RecursiveInvocationException', 'Message', message);
}

export function unknownOperation(method: string, path: string): LambdaApiError {
  const message = `The local Lambda has no operation for ${method} ${cutText(path, MAX_QUOTED)}`;
  return new LambdaApiError(404, 'UnknownOperationException', 'Message', message);
}

export function accessDenied(message: string): LambdaApiError {
  return new LambdaApiError(403, 'AccessDeniedException', 'Message', message);
}

export function unsigned(): LambdaApiError {
  const message = 'Request is missing Authentication Token';
  return new LambdaApiError(403, 'MissingAuthenticationTokenException', 'message', message);
}

export function unknownAccessKey(): LambdaApiError {
  const message = 'The security token included in the request is invalid.';
  return new LambdaApiError(403, 'UnrecognizedClientException', 'message', message);
}

export function noSuchSecret(): LambdaApiError {
  const message = "Secrets Manager can't find the specified secret.";
  return new LambdaApiError(400, 'ResourceNotFoundException', 'Message', message);
}

export function badSecretRequest(): LambdaApiError {
  return new LambdaApiError(400, 'InvalidRequestException', 'Message', 'expected JSON with a SecretId');
}

export function serviceFailure(cause: unknown): LambdaApiError {
  const message = `The local Lambda failed: ${withoutContents(cause).message}`;
  return new LambdaApiError(500, 'ServiceException', 'Message', message);
}

/** An object has no text of its own that could be trusted: it may bring a `toString`. */
function showValue(value: unknown): string {
  if (typeof value === 'string') return cutText(value, MAX_QUOTED);
  return typeof value === 'number' ? String(value) : describeShape(value);
}
