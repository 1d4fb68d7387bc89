import type { NewMessage, Recipient } from '../model/message.ts';
import type { TopicKind } from '../model/topic.ts';
import { fit } from './columns.ts';
import { CONTENT_COLUMNS, contentValues, isSameContent, isSameJson } from './content.ts';
import type { Row } from './driver.ts';
import { literalBytesOf } from './literals.ts';
import { type Fragment, sql } from './sql.ts';

/** The columns of a new message, in the order of `newValues`. */
export const NEW_COLUMNS = sql`message_key, source, device_id, member_id, topic, topic_condition, test_of, template, variables,
  ${CONTENT_COLUMNS}`;

/** The values of a new message. PushError('BAD_INPUT') if a column cannot hold its value. */
export function newValues(message: NewMessage): Fragment {
  const { messageKey, source, recipient, testOf = null, template } = message;
  return sql`${fit('message_key', messageKey)}, ${fit('source', source)}, ${recipient.deviceId},
    ${fit('member_id', recipient.memberId)}, ${fit('topic', nameOf(recipient, 'topic'))},
    ${fit('topic_condition', nameOf(recipient, 'condition'))}, ${testOf}, ${fit('template', template?.name ?? null)},
    ${fit('variables', template ? JSON.stringify(template.variables) : null)}, ${contentValues(message)}`;
}

/** True if a row was made for this message. */
export function isSameMessage(row: Row, message: NewMessage): boolean {
  const { source, recipient, testOf = null, template } = message;
  return (
    row['source'] === source &&
    row['device_id'] === recipient.deviceId &&
    row['member_id'] === recipient.memberId &&
    row['topic'] === nameOf(recipient, 'topic') &&
    row['topic_condition'] === nameOf(recipient, 'condition') &&
    row['test_of'] === testOf &&
    row['template'] === (template?.name ?? null) &&
    (template === undefined || isSameJson(row['variables'], template.variables)) &&
    isSameContent(row, message)
  );
}

/** The recipient's topic or condition, if it is of this kind. */
function nameOf({ topic }: Recipient, kind: TopicKind): string | null {
  return topic?.kind === kind ? topic.name : null;
}

/** Never less than the bytes that a message takes in a statement. */
export function bytesOf({ messageKey, source, recipient, content, template }: NewMessage): number {
  const { title, body, image, data, options } = content;
  const texts = [messageKey, source, recipient.memberId, recipient.topic?.name ?? null, title, body, image];
  const json = [JSON.stringify(data), JSON.stringify(options), template ? JSON.stringify(template) : null];
  return [...texts, ...json].reduce((sum, text) => sum + literalBytesOf(text), 300);
}
