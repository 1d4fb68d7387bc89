import { expect, test } from 'vitest';
import {
  parseAppVersion,
  parseLastSeen,
  parseLocale,
  parsePlatform,
  parseTimeZone,
} from '../../src/model/traits.ts';

test.each([
  ...['android', 'Android', ' ANDROID ', 'GCM'].map((text) => [text, 'android'] as const),
  ...['iOS', 'iPhone', 'iPad', 'iPhone OS', 'apns'].map((text) => [text, 'ios'] as const),
  ...['web', 'Chrome', 'safari', 'Chrome Web-Push', 'browser'].map((text) => [text, 'web'] as const),
  ...['', 'windows', 'NULL', 'constructor', 'x'].map((text): [string, null] => [text, null]),
])('the platform %j is %j', (text, platform) => {
  expect(parsePlatform(text)).toBe(platform);
});

test.each<[string, string | null]>([
  ['de', 'de'],
  ['de_DE', 'de-DE'],
  ['DE-de', 'de-DE'],
  ['de_DE.UTF-8', 'de-DE'],
  ['de_DE@euro', 'de-DE'],
  ['zh-hant-tw', 'zh-Hant-TW'],
  ['zh_TW_#Hant', 'zh-Hant-TW'],
  ['sr__#Latn', 'sr-Latn'],
  ['es-419', 'es-419'],
  ['iw_IL', 'he-IL'],
  ['en-US-u-ca-buddhist', 'en-US'],
  ['en-US-x-mine', 'en-US'],
  ...['', 'C', 'POSIX', 'und', 'German', 'de-', '-', 'd', 'de-\u0000', "de'", '日本', 'NULL'].map(
    (text): [string, null] => [text, null],
  ),
])('the locale %j is %j', (text, locale) => {
  expect(parseLocale(text)).toBe(locale);
});

test.each<[string, string | null]>([
  ['Europe/Berlin', 'Europe/Berlin'],
  ['europe/berlin', 'Europe/Berlin'],
  ['Asia/Kolkata', 'Asia/Kolkata'],
  ['UTC', 'UTC'],
  ...['', '3600', '-28800', '+01:00', 'Berlin', 'Europe/Atlantis', 'NULL', `Europe/${'x'.repeat(99)}`].map(
    (text): [string, null] => [text, null],
  ),
])('the time zone %j is %j', (text, zone) => {
  expect(parseTimeZone(text)).toBe(zone);
  expect(parseTimeZone(text)).toBe(zone);
});

test.each<[string, string | null]>([
  ['4.12.0', '4.12.0'],
  ['v4.12', '4.12'],
  ['7', '7'],
  ['4.12.0 (731)', '4.12.0'],
  ['4.12.0-beta.1+5', '4.12.0'],
  ...['', '4.', 'four', '1.2.3.4.5', '1234567890.1', '4.12a', '-1'].map((text): [string, null] => [
    text,
    null,
  ]),
])('the version %j is %j', (text, version) => {
  expect(parseAppVersion(text)).toBe(version);
});

test.each<[string, number | null]>([
  ['2026-11-20T08:00:00Z', Date.UTC(2026, 10, 20, 8)],
  ['2026-11-20 08:00:00 UTC', Date.UTC(2026, 10, 20, 8)],
  ['2026-11-20T09:00+01:00', Date.UTC(2026, 10, 20, 8)],
  ['1763625600', 1_763_625_600_000],
  ['1763625600.5', 1_763_625_600_500],
  ['1763625600123', 1_763_625_600_123],
  ['1763625600123456', 1_763_625_600_123],
  ...[
    '',
    '20.11.2026',
    '2026-11-20',
    '2026-11-20 08:00:00',
    '0',
    '-5',
    'NaN',
    '1e10',
    '17636256001',
    '17636256001234567',
  ].map((text): [string, null] => [text, null]),
])('the time %j is %j', (text, ms) => {
  expect(parseLastSeen(text)).toBe(ms);
});
