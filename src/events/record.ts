import { parseRecordText } from '../envelope.ts';
import { PushError } from '../errors.ts';
import type { PushJob, RecordStart } from '../job.ts';
import { isObject } from '../parse.ts';
import { parseJob } from './direct.ts';

/**
 * What another system has written, and SNS or EventBridge delivers: a message of a topic, or an event of a bus. A system that
 * may publish there is often not trusted to push to every device. `id` is AWS's own, the same at every delivery.
 */
export type OutsideRecord =
  | { readonly origin: 'sns'; readonly id: string; readonly text: string }
  | { readonly origin: 'bus'; readonly id: string; readonly detail: unknown };

/**
 * Parses the job of a record: messages, as a record of a queue has them, or what a direct invoke may ask for and
 * RECORDS_MAY_START allows. PushError('BAD_EVENT'), ('FORBIDDEN').
 */
export function parseRecord(record: OutsideRecord, mayStart: readonly RecordStart[]): PushJob {
  const { origin, id } = record;
  const field = origin === 'sns' ? 'Sns.Message' : 'detail';
  const body = origin === 'sns' ? parseRecordText(record.text, field) : record.detail;
  if (asksForMessages(body)) return { kind: 'messages', recordKey: `${origin}:${id}`, body };
  const job = parseJob(body);
  checkStart(job, field, mayStart);
  return job;
}

/** A recipient makes a message, even one that is no recipient: content for nobody must not become a broadcast to everybody. */
function asksForMessages(body: unknown): boolean {
  if (!isObject(body) || 'kind' in body || 'announcementId' in body) return false;
  return ['messages', 'memberId', 'deviceId', 'topic', 'condition'].some((field) => field in body);
}

function checkStart(job: PushJob, field: string, mayStart: readonly RecordStart[]): void {
  const start = startOf(job);
  if (start === null || mayStart.includes(start)) return;
  const expected =
    mayStart.length === 0
      ? 'messages, or RECORDS_MAY_START to name it'
      : `messages, ${mayStart.join(' or ')}`;
  throw PushError.of('FORBIDDEN', [{ field, expected, got: start }]);
}

function startOf(job: PushJob): RecordStart | null {
  switch (job.kind) {
    case 'broadcast':
    case 'announce':
      return 'announcements';
    case 'scan':
      return 'scan';
    case 'doctor':
    case 'radar':
    case 'canary':
      return 'doctor';
    case 'queue':
    case 'messages':
      return null;
  }
}
