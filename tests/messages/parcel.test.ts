import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import type { LogFields } from '../../src/context.ts';
import { logRefusals, parseParcel, refuseParcel } from '../../src/messages/parcel.ts';

const config = parseConfig({});
const message = { memberId: 'customer-17', title: 'Ready', body: 'Come and get it' };

test('the key of a message is that of its record and its place there, or its own', () => {
  const body = { messages: [message, 7, { ...message, idempotencyKey: 'order-17' }, message] };
  const { messages, refused } = parseParcel(config, body, 'sns:r');
  expect(messages.map(({ messageKey }) => messageKey)).toEqual(['sns:r:0', 'order-17', 'sns:r:3']);
  expect(refused).toBe(1);
  expect(parseParcel(config, message, 'sns:r').messages).toMatchObject([{ messageKey: 'sns:r:0' }]);
});

test('a record of ten thousand invalid messages has a few refusals and a few lines in the log', () => {
  const parcel = parseParcel(config, { messages: Array.from({ length: 10_000 }, () => 1) }, 'sns:r');
  const lines: [string, LogFields | undefined][] = [];
  const log = { info: () => {}, error: (event: string, fields?: LogFields) => lines.push([event, fields]) };
  logRefusals({ log }, { recordId: 'r' }, parcel);
  expect([parcel.refused, parcel.refusals.length, lines.length]).toEqual([10_000, 20, 21]);
  expect(lines.at(-1)).toEqual(['more messages refused', { recordId: 'r', messages: 9_980 }]);
  expect(JSON.stringify(parcel).length).toBeLessThan(64 * 1024);
});

test('a refusal for a reason of another kind says where it arose, and not what the record holds', () => {
  for (const error of [new Error('"a person’s text"'), { toString: 1 }, 'a text']) {
    const [refusal] = refuseParcel(error).refusals;
    expect(refusal?.code).toBe('FAILED');
    expect(refusal?.message).not.toMatch(/text/);
  }
});
