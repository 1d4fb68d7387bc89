import { isObject } from '../../parse.ts';
import { describeShape } from '../../show.ts';
import { describeText } from '../device-csv.ts';
import { describeMismatch, type DeviceFile, type DeviceLine, type Reading } from '../device-line.ts';
import { parseDevice } from '../device-texts.ts';
import { objectOf, openJson, textOf } from './json-rows.ts';
import { LEFT_OUT, type Reason } from './reasons.ts';

/**
 * Names of tokens begin with the letter of a platform, the second one says whether they are for tests: `ap` is Android, `id`
 * is iOS in development, `hp` is Huawei.
 * https://github.com/Countly/countly-server/blob/master/plugins/push/api/constants/platform-keymap.ts
 */
function findReason(name: string): Reason | null {
  if (name.startsWith('a')) return null;
  return name.startsWith('i') ? LEFT_OUT.apns : LEFT_OUT.otherPush;
}

/** `readCountly` reads what mongoexport writes of the collection `push_` of an app, alone or joined with its `app_users`. */
export async function readCountly(chunks: AsyncIterable<Buffer>, reading: Reading): Promise<DeviceFile> {
  const { encoding, rows: lines } = await openJson(chunks, 'Countly');
  async function* rows(): AsyncGenerator<DeviceLine> {
    for await (const row of lines) {
      const { line } = row;
      if ('problem' in row) yield { line, device: describeMismatch(row.problem) };
      else for (const device of parseUser(row.value, reading)) yield { line, ...device };
    }
  }
  return { rows: rows(), describe: () => describeText(',', encoding).join(', ') };
}

/** A user has one token a platform. */
function parseUser(user: Readonly<Record<string, unknown>>, reading: Reading): Omit<DeviceLine, 'line'>[] {
  const tokens = Object.entries(findTokens(user['tk']));
  if (tokens.length === 0) return [{ device: { leftOut: LEFT_OUT.noToken } }];
  return tokens.map(([name, token]) => {
    const reason = findReason(name);
    if (reason !== null) return { device: { leftOut: reason } };
    if (typeof token === 'string') return parseDevice({ token, ...readUser(user) }, reading);
    return {
      device: describeMismatch({ field: 'tk', expected: 'registration tokens', got: describeShape(token) }),
    };
  });
}

/** `findTokens` finds the object of tokens: the field `tk`, or the one in the list that a `$lookup` makes. */
function findTokens(tk: unknown): Readonly<Record<string, unknown>> {
  const [first]: unknown[] = Array.isArray(tk) ? tk : [tk];
  const tokens = objectOf(first);
  return isObject(tokens['tk']) ? tokens['tk'] : tokens;
}

function readUser(user: Readonly<Record<string, unknown>>) {
  const text = (name: string): string => textOf(user[name]) ?? '';
  return {
    member: text('did'),
    platform: 'android',
    locale: text('la'),
    // A name of a field in MongoDB has no dots, so Countly writes versions with colons.
    app_version: text('av').replaceAll(':', '.'),
    last_seen_at: text('lac') || text('ls'),
    tags: Object.entries(objectOf(user['custom'])).map(([name, value]) => [name, textOf(value)] as const),
    tagsColumn: 'custom',
  };
}
