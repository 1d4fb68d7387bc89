import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAnnouncement, parseSummary } from '../../src/db/announcement-rows.ts';
import { makeTraitParser } from '../../src/db/device-traits.ts';
import { parseDevice } from '../../src/db/devices.ts';
import { parseMessages } from '../../src/db/message-rows.ts';
import { restMessage } from '../../src/fcm/message.ts';
import { PLATFORMS } from '../../src/model/filter.ts';
import { fuzzing } from '../support/fuzz.ts';
import type { Content } from '../../src/model/content.ts';

/** No error may show it. */
const SECRET = 'one-time-code-4711';

/** What a driver may hand over for a column, whatever its type: a team's own view may have any. */
const strange = fc.oneof(
  fc.constantFrom(null, undefined, '', 0, -1, 1.5, 2 ** 60, '9007199254740993', true, SECRET),
  fc.constantFrom(Buffer.from(SECRET), new Date(0), new Date(Number.NaN), {}, [], ['a'], 9e15),
  fc.string({ unit: 'binary' }),
  fc.integer(),
);
const json = fc.oneof(
  strange,
  fc.constantFrom('{}', '[]', '"x"', '{"a":', `{"a":"${SECRET}"`, `["${SECRET}"]`, `{"a":{"b":"${SECRET}"}}`),
  fc.constantFrom('{"__proto__":"x"}', '{"constructor":1}', `${'['.repeat(9000)}${']'.repeat(9000)}`),
  fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })).map((value) => JSON.stringify(value)),
);
const orStrange = (...values: readonly unknown[]) =>
  fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...values) }, { weight: 1, arbitrary: strange });

const content = {
  title: orStrange('t', SECRET),
  body: orStrange('b', SECRET),
  image: orStrange(null, 'https://example.com/a.png'),
  data: fc.oneof(fc.constantFrom('{}', '{"a":1}'), json),
  options: fc.oneof(fc.constantFrom('{}', '[]', '{"badge":1}'), json),
  ttl_seconds: orStrange(null, 60),
};
const sendable = {
  ...content,
  source: orStrange('default'),
  guarantee: orStrange('at-least-once', 'at-most-once'),
  dry_run: orStrange(0, 1),
  audience: orStrange('devices', 'messages'),
};
const snapshot = Object.fromEntries(
  Object.entries(sendable).map(([column, values]) => [`started_${column}`, values]),
);
const announcement = fc.record({
  ...sendable,
  ...snapshot,
  started_title: orStrange(null, 't'),
  announcement_id: fc.integer({ min: 1 }),
  lanes: orStrange(1, 4),
  accept_unregistered: orStrange(0, 1),
  status: orStrange('draft', 'scheduled', 'running', 'failed', 'done'),
  status_reason: orStrange(null, 'why'),
  brake_reason: orStrange(null, 'FCM is down'),
  braked_until: orStrange(null, 1_800_000_000_000),
  publish_ms: orStrange(null, 0),
  started_ms: orStrange(null, 0),
  finished_ms: orStrange(null, 0),
});
const message = fc.record({
  ...content,
  message_id: fc.integer({ min: 1, max: 3 }),
  message_key: orStrange(null, 'key-1', 'key-2'),
  owner: orStrange(null, 'request-1'),
  lease_ms: orStrange(null, 0),
  expires_in_ms: orStrange(null, 1000),
  device_id: fc.option(fc.integer({ min: 1 })),
  target: orStrange('target-1'),
  target_kind: orStrange('token', 'fid'),
});

/** What is read is sent or refused, but never makes the code that builds messages fail. */
function expectSendableOr(parsed: Content | null, problem: string | null): void {
  if (parsed === null) {
    expect(problem).toBeTypeOf('string');
    expect(problem).not.toContain(SECRET);
    expect(problem?.length).toBeLessThan(5000);
  } else {
    expect(problem).toBeNull();
    expect(Object.values(parsed.data).every((value) => typeof value === 'string')).toBe(true);
    JSON.stringify(restMessage({ content: parsed, ttlSeconds: null, collapseKey: 'k' }, 0));
  }
}

test('any row of an announcement can be shown and listed, and is sent only if all of it can be read', () => {
  fc.assert(
    fc.property(announcement, (row) => {
      const parsed = parseAnnouncement(row);
      expectSendableOr(parsed.content, parsed.problem);
      const { publishAt, startedAt, finishedAt, statusReason } = parseSummary(row);
      for (const ms of [publishAt, startedAt, finishedAt]) if (ms !== null) new Date(ms).toISOString();
      if (statusReason !== row.status_reason) expect(statusReason ?? '').not.toContain(SECRET);
    }),
    fuzzing(),
  );
});

const traits = fc.record({
  member_id: strange,
  platform: orStrange('ios', 'iOS', 'web'),
  locale: orStrange('de', 'de_DE.UTF-8', 'zh_TW_#Hant', 'iw', '_', '-'.repeat(500), `de-${'a'.repeat(9000)}`),
  time_zone: orStrange('Europe/Berlin', 'utc', '+01:00', '../etc/passwd'),
  app_version: orStrange('4.2', 'v4.2.0-beta', '1.'.repeat(5000)),
  last_seen_ms: orStrange(0, 1_800_000_000_000, 9e15, -9e15),
});

test('whatever a row says about its device, what is read is in the form that templates and locales take, or not known', () => {
  fc.assert(
    fc.property(traits, (row) => {
      const { platform, locale, timeZone, appVersion, lastSeenAt, memberId } = makeTraitParser()(row);
      expect([null, ...PLATFORMS]).toContain(platform);
      if (locale !== null) expect(Intl.getCanonicalLocales(locale)).toEqual([locale]);
      if (timeZone !== null) expect(Intl.DateTimeFormat('en', { timeZone }).format(0)).toBeTypeOf('string');
      if (appVersion !== null) expect(appVersion).toMatch(/^\d{1,9}(\.\d{1,9}){0,3}$/);
      if (lastSeenAt !== null) new Date(lastSeenAt).toISOString();
      expect(memberId === null || memberId === row.member_id).toBe(true);
    }),
    fuzzing(),
  );
});

test('any rows of messages and devices can be read, and only those that can be sent are', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 3 }), (rows) => {
      for (const { message: parsed } of parseMessages(rows).values()) {
        expectSendableOr(parsed.content, parsed.problem);
        for (const { problem, target } of parsed.devices) {
          expect(problem ?? '').not.toContain(SECRET);
          expect(problem === undefined).toBe(target !== '');
        }
      }
      for (const row of rows) if (row.device_id !== null) parseDevice(row);
    }),
    fuzzing(),
  );
});
