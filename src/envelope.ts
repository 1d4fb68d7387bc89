import { parseJson } from './json.ts';
import { isObject } from './parse.ts';

/** An event on a bus of EventBridge: `detail` is JSON of the sender's own. */
export interface BusEvent {
  readonly detail: Readonly<Record<string, unknown>>;
  readonly id?: unknown;
}

/**
 * True for an event that a rule has matched on a bus. EventBridge itself writes every field but `detail-type`, `source`,
 * `resources` and `detail`.
 * https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
 */
export function isBusEvent(event: unknown): event is BusEvent {
  return isObject(event) && 'detail-type' in event && isObject(event['detail']) && !isTick(event);
}

/**
 * True for the event of an EventBridge rule or Scheduler that has no input of its own; with an input, the event is that
 * input. On a bus, only AWS itself can put events whose source begins with `aws.`.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html
 */
export function isTick(event: unknown): boolean {
  if (!isObject(event)) return false;
  const { source } = event;
  return (
    source === 'aws.scheduler' || (source === 'aws.events' && event['detail-type'] === 'Scheduled Event')
  );
}

/**
 * Parses the text of a record as JSON, without the envelopes that AWS puts around it: the notification of SNS (unless raw
 * message delivery is on), and the event of a bus. PushError('BAD_EVENT').
 * https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html
 */
export function parseRecordText(text: string, field: string): unknown {
  const value = parseJson(text, field, 'BAD_EVENT');
  if (!isObject(value) || value['Type'] !== 'Notification' || typeof value['Message'] !== 'string') {
    return openBusEvent(value);
  }
  return openBusEvent(parseJson(value['Message'], `${field}.Message`, 'BAD_EVENT'));
}

function openBusEvent(value: unknown): unknown {
  return isBusEvent(value) ? value.detail : value;
}
