import type { PushJob } from '../job.ts';
import { parseBusEvent } from './bus.ts';
import { parseJob } from './direct.ts';
import { type HttpRequest, parseRequest } from './http.ts';
import type { OutsideRecord } from './record.ts';
import { parseSnsEvent } from './sns.ts';
import { parseSqsEvent } from './sqs.ts';

/** What an event asks for, and how its sender expects to be answered. */
export type ParsedEvent =
  | { readonly entry: 'direct'; readonly job: PushJob }
  | { readonly entry: 'http'; readonly request: HttpRequest }
  | { readonly entry: 'records'; readonly records: readonly OutsideRecord[] };

/** Recognizes the envelope of an event and parses it. PushError('BAD_EVENT') names each field, what was expected and what was got. */
export function parseEvent(event: unknown): ParsedEvent {
  const request = parseRequest(event);
  if (request) return { entry: 'http', request };
  const queue = parseSqsEvent(event);
  if (queue) return { entry: 'direct', job: queue };
  const records = parseSnsEvent(event);
  if (records) return { entry: 'records', records };
  const busEvent = parseBusEvent(event);
  if (busEvent) return { entry: 'records', records: [busEvent] };
  return { entry: 'direct', job: parseJob(event) };
}
