import { TARGET_FORMS } from '../../model/device.ts';
import { normalizeName } from '../csv-header.ts';
import { readDevices } from '../device-csv.ts';
import { NAMES, type Names } from '../device-columns.ts';
import { type DeviceFile, type DeviceLine, guard, type Reading } from '../device-line.ts';
import { type DeviceTexts, parseDevice } from '../device-texts.ts';
import { refuse } from '../options.ts';
import { peek } from '../peek.ts';
import { type JsonObject, readObjects } from './json-objects.ts';
import type { Scalar } from './json-tokens.ts';

/**
 * Names in BigQuery's table of sent messages, and those of Firebase's own examples.
 * https://firebase.google.com/docs/cloud-messaging/understand-delivery
 * https://firebase.google.com/docs/cloud-messaging/manage-tokens
 */
export const FIREBASE_NAMES: Names = {
  ...NAMES,
  token: [...NAMES.token, 'fcm_registration_token', 'messaging_token', 'notification_token'],
  fid: [...NAMES.fid, 'instance_id'],
  member: [...NAMES.member, 'uid', 'local_id'],
  platform: [...NAMES.platform, 'sdk_platform'],
  last_seen_at: [...NAMES.last_seen_at, 'event_timestamp', 'timestamp', 'updated_at'],
};

/** Each field with the names that it may have. */
const FIELDS = Object.entries(FIREBASE_NAMES).map(
  ([field, names]) => [field, names.map(normalizeName)] as const,
);

/** Names of a list of tokens, or of an object whose names are tokens. */
const TOKEN_LISTS = FIREBASE_NAMES.token.map((name) => normalizeName(`${name}s`));

/** Names of collections whose documents are named by the id of a user. */
const USER_COLLECTIONS = ['users', ...TOKEN_LISTS];

/** Names of what is kept of an object beside its single values. */
const KEPT = new Set([...TOKEN_LISTS, ...FIREBASE_NAMES.last_seen_at.map(normalizeName)]);

const EXPECTED = 'JSON with registration tokens';

/** A byte order mark in UTF-8, and the first sign. */
const MAX_MARK_LENGTH = 4;

/**
 * `readFirebase` reads what teams have of their devices in Firebase: CSV or JSON of BigQuery, the JSON of the Realtime
 * Database or of Firestore.
 */
export async function readFirebase(chunks: AsyncIterable<Buffer>, reading: Reading): Promise<DeviceFile> {
  const { head, chunks: all } = await guard(() => peek(chunks, MAX_MARK_LENGTH));
  const isJson = /^(\u00ef\u00bb\u00bf)?\s*[[{]/.test(head.toString('latin1'));
  if (!isJson) return readDevices(all, reading, FIREBASE_NAMES);
  return { rows: readTree(all, reading), describe: () => '' };
}

async function* readTree(chunks: AsyncIterable<Buffer>, reading: Reading): AsyncGenerator<DeviceLine> {
  const objects = readObjects(chunks, EXPECTED, (name) => KEPT.has(normalizeName(name)));
  let found = 0;
  for (;;) {
    const { value: object } = await guard(() => objects.next());
    if (object === undefined) break;
    for (const texts of object.isPart ? findInPart(object) : findInObject(object)) {
      found++;
      yield { line: object.line, ...parseDevice(texts, reading) };
    }
  }
  if (found === 0) throw refuse('FILE', EXPECTED, 'JSON without any');
}

/** `findInObject` finds the devices of an object: a token or a fid, or lists of tokens; else its own name if that is a token. */
function findInObject(object: JsonObject): DeviceTexts[] {
  const { path, lists, objects } = object;
  const device = readTexts(object);
  const member = device.member || findUser(path);
  if (device.token || device.fid) return [{ ...device, member }];
  const found = [
    ...[...lists].filter(isTokenList).flatMap(([, list]) => findInList(list)),
    ...[...objects]
      .filter(isTokenList)
      .flatMap(([name, values]) => findInMap(values, [...path, name], device.member)),
  ];
  if (found.length > 0) return found.map((each) => ({ ...device, ...each, member: each.member || member }));
  const name = path.at(-1) ?? '';
  return isToken(name) ? [{ ...device, token: name, member }] : [];
}

/** `findInPart` finds the devices of a piece of a long table of tokens. */
function findInPart({ path, values, items }: JsonObject): DeviceTexts[] {
  const name = path.findLast((each) => each !== '*') ?? '';
  if (path.length > 0 && !isTokenList([name])) return [];
  const member = findUser(path);
  return [...findInList(items).map((each) => ({ ...each, member })), ...findInMap(values, path, '')];
}

function findInList(list: readonly Scalar[]): DeviceTexts[] {
  return list.flatMap((token) => (typeof token === 'string' ? [{ token }] : []));
}

/** `findInMap` finds tokens among the names and the values of an object. Its other names may be the ids of users. */
function findInMap(
  values: ReadonlyMap<string, Scalar>,
  path: readonly string[],
  member: string | undefined,
): DeviceTexts[] {
  return [...values].flatMap(([name, value]) => {
    const token = [name, value].find((each) => typeof each === 'string' && isToken(each));
    return token === undefined ? [] : [{ token: String(token), member: member || findUser([...path, name]) }];
  });
}

function isTokenList([name]: readonly [string, ...unknown[]]): boolean {
  return TOKEN_LISTS.includes(normalizeName(name));
}

function isToken(text: string): boolean {
  return TARGET_FORMS.token.pattern.test(text);
}

/** `findUser` takes the id of a user from where an object stands: the name after the outermost collection of users. */
function findUser(path: readonly string[]): string {
  const at = path.findIndex((name) => USER_COLLECTIONS.includes(normalizeName(name)));
  const user = at === -1 ? undefined : path[at + 1];
  return user === undefined || user === '*' || isToken(user) ? '' : user;
}

/** `readTexts` takes the values of a device out of an object. Firestore writes times as objects with seconds. */
function readTexts({ values, objects }: JsonObject): DeviceTexts {
  const texts = new Map(Array.from(values, ([name, value]) => [normalizeName(name), String(value)]));
  for (const [name, inner] of objects) {
    const seconds = inner.get('_seconds') ?? inner.get('seconds');
    if (seconds !== undefined) texts.set(normalizeName(name), String(seconds));
  }
  return Object.fromEntries(
    FIELDS.flatMap(([field, names]) => {
      const name = names.find((each) => texts.has(each));
      return name === undefined ? [] : [[field, texts.get(name)]];
    }),
  );
}
