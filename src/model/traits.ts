import { PLATFORMS, type Platform } from './filter.ts';
import { LOCALE_WORDS, localeSchema } from './locales.ts';
import { parseTime } from './time.ts';

/*
 * What devices say about themselves, as apps, files and other services write it, in the one form that the table has. Each
 * function gives null for a text that means nothing to it.
 */

export { LOCALE_WORDS };
export const PLATFORM_WORDS = `one of ${PLATFORMS.join(', ')}`;
export const TIME_ZONE_WORDS = 'an IANA time zone such as Europe/Berlin';
export const APP_VERSION_WORDS = 'a version such as 4.12.0, at most four numbers';
export const LAST_SEEN_WORDS = 'a time such as 2026-12-24T18:07Z, or seconds since 1970';

/** What is optional of a device: columns of push_device, which files have under the same names. */
export const TRAIT_COLUMNS = [
  'platform',
  'locale',
  'time_zone',
  'app_version',
  'last_seen_at',
  'is_test',
  'is_canary',
] as const;
export type TraitColumn = (typeof TRAIT_COLUMNS)[number];

/** Of these, the columns that hold 0 or 1, and that cannot be NULL. */
export const FLAG_COLUMNS: readonly TraitColumn[] = ['is_test', 'is_canary'];

/** The width of push_device.time_zone, of push_device.app_version. */
const MAX_TIME_ZONE_LENGTH = 64;
const MAX_APP_VERSION_LENGTH = 32;

/** Names of platforms, in small letters without blanks, `_`, `-` and `.`. FCM takes browsers and desktop apps for the web. */
const PLATFORM_NAMES: Readonly<Record<Platform, readonly string[]>> = {
  android: ['android', 'fcm', 'gcm', 'google', 'googleandroid'],
  ios: ['ios', 'iphone', 'ipad', 'ipod', 'ipodtouch', 'iphoneos', 'ipados', 'apple', 'apns', 'apn'],
  web: [
    'web',
    'webpush',
    'browser',
    'js',
    'javascript',
    'pwa',
    'chrome',
    'firefox',
    'safari',
    'edge',
    'opera',
    'chromewebpush',
    'chromepush',
    'firefoxpush',
    'safaripush',
  ],
};

/** `parsePlatform` takes the names that services and systems have for a platform, such as `iPhone OS`. */
export function parsePlatform(text: string): Platform | null {
  const name = text.toLowerCase().replaceAll(/[\s_.-]/g, '');
  return PLATFORMS.find((platform) => PLATFORM_NAMES[platform].includes(name)) ?? null;
}

/**
 * `parseLocale` writes a locale as BCP 47 has it: `de_DE.UTF-8` is `de-DE`, and `zh_TW_#Hant`, as Java has it, is
 * `zh-Hant-TW`. Languages that were renamed get their present name: old Androids say `iw` for Hebrew, which is `he`.
 */
export function parseLocale(text: string): string | null {
  const [plain = ''] = text.trim().split(/[.@]/, 1);
  const [language = '', ...rest] = plain.replaceAll(/_#?/g, '-').split(/-+/);
  // What follows a single character says how to format, such as the calendar.
  const end = rest.findIndex((part) => /^[a-z0-9]$/i.test(part));
  const parts = end === -1 ? rest : rest.slice(0, end);
  const script = parts.find(isScript);
  const others = parts.filter((part) => part !== script);
  const tag = [language, ...(script === undefined ? [] : [script]), ...others].join('-');
  if (!localeSchema.safeParse(tag).success || /^und\b/i.test(tag)) return null;
  try {
    const locale = Intl.getCanonicalLocales(tag)[0] ?? tag;
    return localeSchema.safeParse(locale).success ? locale : null;
  } catch {
    return null;
  }
}

/** A script, such as `Hant`, comes before the region. */
function isScript(part: string): boolean {
  return /^[a-z]{4}$/i.test(part);
}

/**
 * `parseTimeZone` takes the name of a zone in the IANA database, in capitals or not. An offset such as `+01:00` or `3600` is
 * none: it does not say when the clocks change. A zone that has been renamed keeps the name that was given: a person who asks
 * for `Asia/Kolkata` does not ask for `Asia/Calcutta`.
 */
export function parseTimeZone(text: string): string | null {
  const name = text.trim();
  if (name.length > MAX_TIME_ZONE_LENGTH || !/^[a-z]/i.test(name)) return null;
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions();
    return timeZone.toLowerCase() === name.toLowerCase() ? timeZone : name;
  } catch {
    return null;
  }
}

const MAX_REMEMBERED = 2000;

/** The functions that look something up in Intl, which takes longer than all else that is done for a row. */
export interface Lookups {
  readonly parseLocale: (text: string) => string | null;
  readonly parseTimeZone: (text: string) => string | null;
}

/** `rememberLookups` makes lookups that keep their latest answers: thousands of rows have a few locales and zones. */
export function rememberLookups(): Lookups {
  return { parseLocale: remember(parseLocale), parseTimeZone: remember(parseTimeZone) };
}

function remember<T>(find: (text: string) => T): (text: string) => T {
  const answers = new Map<string, T>();
  return (text) => {
    const known = answers.get(text);
    if (known !== undefined) return known;
    if (answers.size >= MAX_REMEMBERED) answers.clear();
    const answer = find(text);
    // A long text means nothing, and may be a secret in the wrong place.
    if (text.length <= MAX_TIME_ZONE_LENGTH) answers.set(text, answer);
    return answer;
  };
}

const APP_VERSION = /^v?(\d{1,9}(?:\.\d{1,9}){0,3})(?:[-+ (].{0,64})?$/i;

/** `parseAppVersion` takes the numbers of a version: `v4.12.0-beta (731)` is `4.12.0`. */
export function parseAppVersion(text: string): string | null {
  const version = APP_VERSION.exec(text.trim())?.[1] ?? null;
  return version === null || version.length > MAX_APP_VERSION_LENGTH ? null : version;
}

/** What one is worth in milliseconds, by the number of digits that a time since 1970 has: from 1973 to 2286 they differ. */
const UNITS: Readonly<Record<number, number>> = { 9: 1000, 10: 1000, 12: 1, 13: 1, 15: 0.001, 16: 0.001 };

/** `parseLastSeen` takes a time with its zone, or seconds, milliseconds or microseconds since 1970: milliseconds since 1970. */
export function parseLastSeen(text: string): number | null {
  const plain = text.trim();
  const digits = /^(\d{9,16})(?:\.\d{1,9})?$/.exec(plain)?.[1];
  if (digits !== undefined) {
    const unit = UNITS[digits.length];
    return unit === undefined ? null : Math.round(Number(plain) * unit);
  }
  // Databases and services write `UTC` for `Z`.
  const time = parseTime(plain.replace(/ ?(UTC|GMT)$/i, 'Z'));
  return 'ms' in time ? time.ms : null;
}
