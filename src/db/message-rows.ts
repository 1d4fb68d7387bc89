import * as z from 'zod';
import { type Recorded, VERDICTS } from '../model/delivery.ts';
import type { Device } from '../model/device.ts';
import { attributesSchema } from '../model/member.ts';
import { NO_CONTENT } from '../model/message-template.ts';
import type { Message } from '../model/message.ts';
import { parseJson } from '../json.ts';
import { conditionSchema, topicSchema } from '../model/topic.ts';
import { parseWith } from '../parse.ts';
import { parseContent } from './content.ts';
import { makeTraitParser } from './device-traits.ts';
import { parseDevice } from './devices.ts';
import type { Row } from './driver.ts';
import {
  readFlag,
  readOptionalText,
  readOptionalWhole,
  readOr,
  readWhole,
  readWord,
  wrongValue,
} from './rows.ts';

/** A message with the invocation that claimed it, for messages that are sent at once. */
interface MessageRow {
  readonly message: Message & { readonly devices: Device[] };
  readonly claimant: string | null;
  readonly leaseMs: number;
}

/** `parseMessages` joins the rows of each message, which has one for each device; by key, or by id for a message without a key. */
export function parseMessages(rows: readonly Row[]): Map<string | number, MessageRow> {
  const messages = new Map<string | number, MessageRow>();
  const parseTraits = makeTraitParser();
  for (const row of rows) {
    const messageId = readWhole(row, 'message_id');
    const name = readOr([], () => readOptionalText(row, 'message_key'), null) ?? messageId;
    const entry = messages.get(name) ?? {
      message: { messageId, ...parseSendable(row) },
      claimant: readOr([], () => readOptionalText(row, 'owner'), null),
      leaseMs: readOr([], () => readOptionalWhole(row, 'lease_ms'), null) ?? 0,
    };
    if (row['device_id'] !== null) entry.message.devices.push(parseRecipient(row, parseTraits));
    messages.set(name, entry);
  }
  return messages;
}

/** A row that a back end wrote with invalid content must not stop the other messages. */
function parseSendable(row: Row): Omit<Message, 'messageId' | 'devices'> & { devices: Device[] } {
  const problems: string[] = [];
  const topic = readOr(problems, () => readTopic(row), null);
  const message = {
    devices: topic === null ? [] : [topic],
    content: readOr(problems, () => (row['template'] === null ? parseContent(row) : NO_CONTENT), null),
    ...readOr(problems, () => readTemplate(row), {}),
    ttlSeconds: readOr(problems, () => readOptionalWhole(row, 'ttl_seconds'), null),
    expiresInMs: readOr(problems, () => readOptionalWhole(row, 'expires_in_ms'), null),
  };
  if (problems.length === 0) return { ...message, problem: null };
  return { ...message, content: null, problem: problems.join('; ') };
}

/** A template needs what the device says about itself. */
function parseRecipient(row: Row, parseTraits: ReturnType<typeof makeTraitParser>): Device {
  return row['template'] === null ? parseDevice(row) : { ...parseDevice(row), ...parseTraits(row) };
}

function readTemplate(row: Row): Pick<Message, 'template'> {
  const name = readOptionalText(row, 'template');
  if (name === null) return {};
  const { variables } = row;
  if (variables === null) return { template: { name, variables: {} } };
  const json = typeof variables === 'string' ? parseJson(variables, 'variables', 'DATABASE') : variables;
  return { template: { name, variables: parseColumn(attributesSchema, 'variables', json) } };
}

/** Device 0 for a message to a topic; null for any other message. */
function readTopic(row: Row): Device | null {
  const topic = readOptionalText(row, 'topic');
  const condition = readOptionalText(row, 'topic_condition');
  if (topic === null && condition === null) return null;
  if (topic !== null && condition !== null) {
    throw wrongValue('topic', 'NULL beside a topic_condition', 'a topic');
  }
  const recipientId = readOptionalWhole(row, 'recipient_id');
  if (recipientId !== 0) throw wrongValue('device_id', '0 beside a topic', String(recipientId));
  return topic === null
    ? {
        deviceId: 0,
        targetKind: 'condition',
        target: parseColumn(conditionSchema, 'topic_condition', condition),
      }
    : { deviceId: 0, targetKind: 'topic', target: parseColumn(topicSchema, 'topic', topic) };
}

function parseColumn<T>(schema: z.ZodType<T>, column: string, value: unknown): T {
  return parseWith(z.object({ [column]: schema }), { [column]: value }, 'DATABASE')[column] as T;
}

/** `parseLedger` sorts deliveries by message id, then by device id. */
export function parseLedger(rows: readonly Row[]): Map<number, Map<number, Recorded>> {
  const ledger = new Map<number, Map<number, Recorded>>();
  for (const row of rows) {
    const messageId = readWhole(row, 'message_id');
    const ofMessage = ledger.get(messageId) ?? new Map<number, Recorded>();
    ofMessage.set(readWhole(row, 'device_id'), {
      verdict: readWord(row, 'verdict', VERDICTS),
      reason: readOptionalText(row, 'reason'),
      messageName: readOptionalText(row, 'message_name'),
      round: readWhole(row, 'round'),
      isToRetry: readFlag(row, 'is_to_retry'),
    });
    ledger.set(messageId, ofMessage);
  }
  return ledger;
}
