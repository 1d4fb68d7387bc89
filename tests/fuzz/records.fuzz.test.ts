import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { PushError } from '../../src/errors.ts';
import { parseRecord } from '../../src/events/record.ts';
import { type PushJob, RECORD_STARTS, type RecordStart } from '../../src/job.ts';
import { parseParcel } from '../../src/messages/parcel.ts';
import { arbitraryEvent } from '../support/arbitrary-event.ts';
import { fixture } from '../support/events.ts';
import { fuzzing } from '../support/fuzz.ts';

const ID = '95df01b4-ee98-5cb9-9903-4c221d41eb5e';
const config = parseConfig({ FCM_CREDENTIALS: 'application-default', FCM_PROJECT_ID: 'p' });
const message = { memberId: 'customer-17', title: 'Ready', body: 'Come and get it' };
const start = { kind: 'broadcast', announcementId: 42, round: 0, fromId: 3 };
const event = { ...fixture('eventbridge-bus'), detail: message };
const bodies = [
  message,
  { messages: [message, { ...message, memberId: null, deviceId: 7 }] },
  { announcementId: 42, deviceId: 0 },
  { title: 'Back at 9', body: 'x' },
  // With further fields, so that a change of one of them leaves the job as it is.
  ...[start, { kind: 'scan', a: 1, b: 2, c: 3 }, { kind: 'doctor', a: 1, b: 2, c: 3 }],
  ...[fixture('eventbridge-bus'), event, fixture('eventbridge-rule')],
  ...[start, event].map((inner) => ({ Type: 'Notification', MessageId: ID, Message: JSON.stringify(inner) })),
];

/** What a record of this body asks for, by either way; null: it is refused. */
function parseBoth(body: unknown, mayStart: readonly RecordStart[]): (PushJob | null)[] {
  const records = [
    { origin: 'bus', id: ID, detail: body } as const,
    { origin: 'sns', id: ID, text: textOf(body) } as const,
  ];
  return records.map((record) => {
    try {
      return parseRecord(record, mayStart);
    } catch (error) {
      if (!(error instanceof PushError)) throw error;
      expect(['BAD_EVENT', 'FORBIDDEN']).toContain(error.code);
      return null;
    }
  });
}

/** JSON, as SNS delivers it; any other text for what JSON has no form for. */
function textOf(body: unknown): string {
  try {
    return JSON.stringify(body) ?? '';
  } catch {
    return '{';
  }
}

test('whatever somebody publishes sends messages at most, and each message is parsed or refused by itself', () => {
  const kinds = new Set<string>();
  fc.assert(
    fc.property(arbitraryEvent(bodies), (body) => {
      for (const job of parseBoth(body, [])) {
        if (job === null) continue;
        expect(job.kind).toBe('messages');
        if (job.kind !== 'messages') continue;
        const parcel = parseParcel(config, job.body, job.recordKey);
        if (parcel.messages.length > 0) kinds.add('sent');
        if (parcel.refused > 0) kinds.add('refused');
      }
      for (const job of parseBoth(body, RECORD_STARTS)) if (job !== null) kinds.add(job.kind);
    }),
    fuzzing(),
  );
  // The cases reached every kind of job, and both fates of a message.
  expect([...kinds].toSorted()).toEqual(
    ['announce', 'broadcast', 'doctor', 'messages', 'refused', 'scan', 'sent'].toSorted(),
  );
});
