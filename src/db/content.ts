import { isDeepStrictEqual } from 'node:util';
import { fit } from './columns.ts';
import type { Row } from './driver.ts';
import { type Content, type ContentOptions, type Notification, optionsSchema } from '../model/content.ts';
import { isObject, parseWith, show } from '../parse.ts';
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

function isSameJson(text: unknown, value: unknown): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(String(text)), JSON.parse(JSON.stringify(value)));
  } catch {
    return false;
  }
}

export function parseContent(row: Row): Content {
  return {
    title: readText(row, 'title'),
    body: readText(row, 'body'),
    image: readOptionalText(row, 'image'),
    data: readData(row, 'data'),
    options: readOptions(row, 'options'),
  };
}

function readData(row: Row, column: string): Record<string, string> {
  const data = readJson(row, column);
  if (isObject(data)) {
    const entries = Object.entries(data);
    if (entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')) {
      return Object.fromEntries(entries);
    }
  }
  throw wrongValue(column, 'a JSON object whose values are strings', show(data));
}

function readOptions(row: Row, column: string): ContentOptions {
  return parseWith(optionsSchema, readJson(row, column), 'DATABASE');
}

function readJson(row: Row, column: string): unknown {
  const text = readText(row, column);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw wrongValue(column, 'JSON', show(text));
  }
}
