import { isDeepStrictEqual } from 'node:util';
import { fit } from './columns.ts';
import type { Row } from './driver.ts';
import { isUnicode, parseJson, UNICODE } from '../json.ts';
import {
  type Content,
  type ContentOptions,
  isDataOnly,
  isReservedKey,
  type Notification,
  optionsSchema,
  RESERVED,
} from '../model/content.ts';
import { describeShape, isObject, parseWith } from '../parse.ts';
import { showName } from '../show.ts';
import { readOptionalText, readText, wrongValue } from './rows.ts';
import { type Fragment, sql } from './sql.ts';

/** The columns that push_announcement and push_message have in common, in the order of `contentValues`. */
export const CONTENT_COLUMNS = sql`title, body, image, data, options, ttl_seconds`;

export function contentValues({
  content: { title, body, image, data, options },
  ttlSeconds,
}: {
  readonly content: Content;
  readonly ttlSeconds: number | null;
}): Fragment {
  const texts = [
    fit('title', title),
    fit('body', body),
    fit('image', image),
    fit('data', JSON.stringify(data)),
    fit('options', JSON.stringify(options)),
  ];
  return sql`${[...texts, ttlSeconds]}`;
}

/** True if a row has this content, whatever the order of the keys is in its JSON. */
export function isSameContent(row: Row, other: Pick<Notification, 'content' | 'ttlSeconds'>): boolean {
  const { title, body, image, data, options } = other.content;
  return (
    row['title'] === title &&
    row['body'] === body &&
    row['image'] === image &&
    row['ttl_seconds'] === other.ttlSeconds &&
    isSameJson(row['data'], data) &&
    isSameJson(row['options'], options)
  );
}

/** A column of the type JSON arrives as a value, not as a text. */
export function isSameJson(column: unknown, value: unknown): boolean {
  try {
    const json: unknown = typeof column === 'string' ? JSON.parse(column) : column;
    return isDeepStrictEqual(json, JSON.parse(JSON.stringify(value)));
  } catch {
    return false;
  }
}

/** `parseContent` reads content as back ends write it by SQL: texts, or data without texts. */
export function parseContent(row: Row): Content {
  const content = readContent(row);
  if (!isDataOnly(content) || Object.keys(content.data).length > 0) return content;
  throw wrongValue('title', 'a text, or data without a title and a body', '""');
}

/** `readContent` reads content that may be empty, as that of a mailing is. An empty image is none. */
export function readContent(row: Row): Content {
  return {
    title: readText(row, 'title'),
    body: readText(row, 'body'),
    image: readOptionalText(row, 'image') || null,
    data: readData(row, 'data'),
    options: readOptions(row, 'options'),
  };
}

/** `readData` makes texts of numbers and booleans: FCM accepts only texts, and PHP's json_encode writes 42 as a number. */
function readData(row: Row, column: string): Record<string, string> {
  const data = readJsonObject(row, column);
  if (Object.keys(data).some(isReservedKey)) throw wrongValue(column, RESERVED, 'one of them');
  if (!isUnicode(data)) throw wrongValue(column, UNICODE, 'half a surrogate pair');
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => {
      const isExact = typeof value !== 'number' || !Number.isInteger(value) || Number.isSafeInteger(value);
      if (typeof value === 'string' || typeof value === 'boolean') return [key, String(value)];
      if (typeof value === 'number' && isExact) return [key, String(value)];
      const expected = `text, a boolean or a number up to ${Number.MAX_SAFE_INTEGER}`;
      const got = typeof value === 'number' ? 'a larger number' : describeShape(value);
      throw wrongValue(`${column}.${showName(key)}`, expected, got);
    }),
  );
}

function readOptions(row: Row, column: string): ContentOptions {
  return parseWith(optionsSchema, readJsonObject(row, column), 'DATABASE');
}

/** PHP's json_encode writes an empty array as `[]`. A column of the type JSON arrives as a value, not as a text. */
function readJsonObject(row: Row, column: string): Record<string, unknown> {
  const value = row[column];
  const isJson =
    Array.isArray(value) || (isObject(value) && Object.getPrototypeOf(value) === Object.prototype);
  const json = isJson ? value : parseJson(readText(row, column), column, 'DATABASE');
  if (Array.isArray(json) && json.length === 0) return {};
  if (isObject(json)) return json;
  throw wrongValue(column, 'a JSON object', describeShape(json));
}
