import { BAD_TARGET, badPayload, type FcmReply } from './replies.ts';

/** Limit of the payload without its target. https://firebase.google.com/docs/cloud-messaging/concept-options */
const MAX_PAYLOAD_BYTES = 4096;

export interface SandboxMessage {
  readonly target: string;
  /** Empty: the message has none. */
  readonly collapseKey: string;
  readonly validateOnly: boolean;
}

/** `parseMessage` checks a request as FCM does; returns FCM's refusal if it is not valid. */
export function parseMessage(text: string): SandboxMessage | FcmReply {
  const request = parseJson(text);
  const message = isObject(request) ? request['message'] : undefined;
  if (!isObject(request) || !isObject(message)) return badPayload('message', 'Message is missing');
  const { token, fid, topic, condition, ...payload } = message;
  const targets = [token, fid, topic, condition].filter((each) => each !== undefined);
  if (targets.length !== 1)
    return badPayload('message', 'Recipient of the message is not set, or set more than once');
  const target = token ?? fid;
  if (typeof target !== 'string') return badPayload('message', 'The sandbox serves tokens and fids only');
  if (target === '') return BAD_TARGET;
  const { data } = message;
  if (
    data !== undefined &&
    !(isObject(data) && Object.values(data).every((each) => typeof each === 'string'))
  ) {
    return badPayload('message.data', 'Values must be strings');
  }
  // A text shorter than a quarter of the limit cannot hold a payload beyond the limit: its size need not be measured.
  if (text.length > MAX_PAYLOAD_BYTES / 4 && Buffer.byteLength(JSON.stringify(payload)) > MAX_PAYLOAD_BYTES) {
    return badPayload('message', 'Message is too big');
  }
  const { android } = message;
  const key = isObject(android) ? android['collapse_key'] : null;
  return {
    target,
    collapseKey: typeof key === 'string' ? key : '',
    validateOnly: request['validate_only'] === true,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
