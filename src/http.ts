import type { BroadcastJob } from './context.ts';
import type { PushError } from './errors.ts';

/** What API Gateway takes as a reply, in payload 1.0 and 2.0 alike. */
export interface HttpReply {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** API Gateway gives up after 29 s, so the work is handed over and only its acceptance is answered. */
export function acceptedReply({ announcementId, fromId }: BroadcastJob): HttpReply {
  return jsonReply(202, { announcementId, deviceId: fromId });
}

export function errorReply(error: PushError): HttpReply {
  return jsonReply(error.code === 'NO_SUCH_ANNOUNCEMENT' ? 404 : 400, describeError(error));
}

export interface ErrorReport {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly problems: PushError['problems'];
  };
}

export function describeError({ code, message, problems }: PushError): ErrorReport {
  return { error: { code, message, problems } };
}

function jsonReply(statusCode: number, body: unknown): HttpReply {
  return { statusCode, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
