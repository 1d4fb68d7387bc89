import type { AnnouncementSummary } from '../store.ts';
import { ANNOUNCEMENT_STATUSES, type Announcement, AUDIENCES, GUARANTEES } from '../model/announcement.ts';
import { type Content, type ContentOptions, optionsSchema } from '../model/content.ts';
import { type Device, TARGET_KINDS } from '../model/device.ts';
import type { Hop } from '../model/hop.ts';
import { PushError } from '../errors.ts';
import { isObject, parseWith, show } from '../parse.ts';
import type { Row, Value } from './driver.ts';

/** Rows become types here and nowhere else: what does not fit is a PushError('DATABASE') naming the column. */

export function readAnnouncement(row: Row): Announcement {
  return {
    announcementId: readWhole(row, 'announcement_id'),
    audience: readWord(row, 'audience', AUDIENCES),
    source: readText(row, 'source'),
    guarantee: readWord(row, 'guarantee', GUARANTEES),
    ttlSeconds: readOptionalWhole(row, 'ttl_seconds'),
    dryRun: readWhole(row, 'dry_run') !== 0,
    lanes: readWhole(row, 'lanes'),
    acceptUnregistered: readWhole(row, 'accept_unregistered') !== 0,
    status: readWord(row, 'status', ANNOUNCEMENT_STATUSES),
    statusReason: readOptionalText(row, 'status_reason') ?? readBrake(row),
    content: readContent(row),
  };
}

export function readSummary(row: Row): AnnouncementSummary {
  return {
    announcementId: readWhole(row, 'announcement_id'),
    audience: readWord(row, 'audience', AUDIENCES),
    source: readText(row, 'source'),
    dryRun: readWhole(row, 'dry_run') !== 0,
    status: readWord(row, 'status', ANNOUNCEMENT_STATUSES),
    statusReason: readOptionalText(row, 'status_reason'),
    title: readText(row, 'title'),
    publishAt: readOptionalWhole(row, 'publish_ms'),
    startedAt: readOptionalWhole(row, 'started_ms'),
    finishedAt: readOptionalWhole(row, 'finished_ms'),
  };
}

export function readContent(row: Row): Content {
  return {
    title: readText(row, 'title'),
    body: readText(row, 'body'),
    image: readOptionalText(row, 'image'),
    data: readData(row, 'data'),
    options: readOptions(row, 'options'),
  };
}

/** The values of the same columns, in the same order. */
export function valuesOfContent({ title, body, image, data, options }: Content): Value[] {
  return [title, body, image, JSON.stringify(data), JSON.stringify(options)];
}

/** What a running announcement waits for, and until when. */
function readBrake(row: Row): string | null {
  const reason = readOptionalText(row, 'brake_reason');
  if (reason === null || row['status'] !== 'running') return null;
  return `${reason} until ${new Date(readWhole(row, 'braked_until')).toISOString()}`;
}

export function readDevice(row: Row): Device {
  return {
    deviceId: readWhole(row, 'device_id'),
    target: readText(row, 'target'),
    targetKind: readWord(row, 'target_kind', TARGET_KINDS),
  };
}

export function readHop(row: Row, owner: string): Hop {
  const lastId = readOptionalWhole(row, 'last_id');
  return {
    announcementId: readWhole(row, 'announcement_id'),
    round: readWhole(row, 'round'),
    fromId: readWhole(row, 'from_id'),
    owner,
    claims: readWhole(row, 'claims'),
    toId: readOptionalWhole(row, 'to_id'),
    page: lastId === null ? null : { lastId, nextId: readOptionalWhole(row, 'next_id') },
    handedOver: readWhole(row, 'handed_over') !== 0,
    isCanary: readWhole(row, 'canary') !== 0,
  };
}

/** Beyond 2^53 - 1 a number is not exact any more, and an id that is not exact is another device's. */
export function readWhole(row: Row, column: string): number {
  const value = row[column];
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw refuse(column, `a whole number up to ${Number.MAX_SAFE_INTEGER}`, String(value));
}

export function readWord<T extends string>(row: Row, column: string, words: readonly T[]): T {
  const word = words.find((each) => each === row[column]);
  if (word !== undefined) return word;
  throw refuse(column, `one of ${words.join(', ')}`, JSON.stringify(row[column]));
}

export function readOptionalText(row: Row, column: string): string | null {
  return row[column] === null ? null : readText(row, column);
}

export function readOptionalWhole(row: Row, column: string): number | null {
  return row[column] === null ? null : readWhole(row, column);
}

export function readText(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === 'string') return value;
  throw refuse(column, 'text', typeof value);
}

function readData(row: Row, column: string): Record<string, string> {
  const data = readJson(row, column);
  if (isObject(data)) {
    const entries = Object.entries(data);
    if (entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')) {
      return Object.fromEntries(entries);
    }
  }
  throw refuse(column, 'a JSON object whose values are strings', show(data));
}

function readOptions(row: Row, column: string): ContentOptions {
  return parseWith(optionsSchema, readJson(row, column), 'DATABASE');
}

function readJson(row: Row, column: string): unknown {
  const text = readText(row, column);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw refuse(column, 'JSON', show(text));
  }
}

function refuse(field: string, expected: string, got: string): PushError {
  return PushError.of('DATABASE', [{ field, expected, got }]);
}
