import type { Config } from '../config/config.ts';
import type { Context, LogFields } from '../context.ts';
import { cutText, describeFailure, PushError } from '../errors.ts';
import type { NewMessage } from '../model/message.ts';
import { isObject } from '../parse.ts';
import { parseMessage } from './parse.ts';
import type { MessageReport } from './report.ts';

/** Refused messages of one record that are described; a record may hold hundreds of thousands of them. */
const MAX_REFUSALS = 20;

/** Why a message can never be sent as it is. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}

/** What the body of one record asks to send. */
export interface Parcel {
  readonly messages: readonly NewMessage[];
  /** Number of messages that are refused. */
  readonly refused: number;
  /** The first of the refusals. */
  readonly refusals: readonly Refusal[];
}

/** Parses the messages in the body of a record: one, or several in `messages`. An invalid one does not affect the others. */
export function parseParcel(config: Config, body: unknown, recordKey: string): Parcel {
  const messages: NewMessage[] = [];
  const refusals: Refusal[] = [];
  let refused = 0;
  const several = isObject(body) ? body['messages'] : undefined;
  for (const [nth, each] of (Array.isArray(several) ? several : [body]).entries()) {
    try {
      messages.push(parseMessage(config, each, `${recordKey}:${nth}`));
    } catch (error) {
      // Whatever a message has caused must not fail the others.
      refused++;
      if (refusals.length < MAX_REFUSALS) refusals.push(describeRefusal(error));
    }
  }
  return { messages, refused, refusals };
}

/** The parcel of a record whose body cannot be read at all. */
export function refuseParcel(error: unknown): Parcel {
  return { messages: [], refused: 1, refusals: [describeRefusal(error)] };
}

/** Logs the refused messages of a record, which `fields` name. */
export function logRefusals({ log }: Pick<Context, 'log'>, fields: LogFields, parcel: Parcel): void {
  const { refused, refusals } = parcel;
  for (const refusal of refusals) log.error('message refused', { ...fields, ...refusal });
  const rest = refused - refusals.length;
  if (rest > 0) log.error('more messages refused', { ...fields, messages: rest });
}

/** Logs a message that will not be delivered. */
export function logOutcome({ log }: Pick<Context, 'log'>, fields: LogFields, report: MessageReport): void {
  const { messageId, verdict, reason, retryInMs } = report;
  if (retryInMs !== null || verdict === 'delivered') return;
  log.error('message not delivered', { ...fields, messageId, verdict, reason });
}

function describeRefusal(error: unknown): Refusal {
  const isOwn = error instanceof PushError;
  return {
    code: isOwn ? error.code : 'FAILED',
    message: cutText(isOwn ? error.message : describeFailure(error)),
  };
}
