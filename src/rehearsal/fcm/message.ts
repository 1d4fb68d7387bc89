import { BAD_TARGET, badPayload, type FcmReply } from './replies.ts';

/** Limit of the payload without its target. https://firebase.google.com/docs/cloud-messaging/concept-options */
const MAX_PAYLOAD_BYTES = 4096;

/** https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages : no prefix `/topics/`. */
const TOPIC = /^[a-zA-Z0-9\-_.~%]+$/;
const CONDITION = /^[\s!(]*'[a-zA-Z0-9\-_.~%]+' in topics/;

export interface SandboxMessage {
  readonly target: string;
  /** The field that the target is in. */
  readonly kind: 'token' | 'fid' | 'topic' | 'condition';
  /** Empty: the message has none. */
  readonly collapseKey: string;
  /** The analytics label; empty: the message has none. */
  readonly label: string;
  readonly validateOnly: boolean;
  /** What the data says that a receipt has to name; null: nothing. */
  readonly batonId: string | null;
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
  const target = token ?? fid ?? topic ?? condition;
  if (target === '' && (token ?? fid) !== undefined) return BAD_TARGET;
  if (typeof target !== 'string') return badPayload('message', 'Recipient of the message is not a string');
  if (topic !== undefined && !TOPIC.test(target)) return badPayload('message.topic', 'Invalid topic name');
  if (condition !== undefined && !CONDITION.test(target)) {
    return badPayload('message.condition', 'Invalid condition expression');
  }
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
  const { android, fcm_options: options } = message;
  const label = isObject(options) ? options['analytics_label'] : null;
  const key = isObject(android) ? android['collapse_key'] : null;
  const kind =
    token !== undefined ? 'token' : fid !== undefined ? 'fid' : topic !== undefined ? 'topic' : 'condition';
  return {
    target,
    kind,
    collapseKey: typeof key === 'string' ? key : '',
    label: typeof label === 'string' ? label : '',
    validateOnly: request['validate_only'] === true,
    batonId: isObject(data) && typeof data['baton_id'] === 'string' ? data['baton_id'] : null,
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
