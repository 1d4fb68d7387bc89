import { MAX_MEMBER_LENGTH } from '../messages/parse.ts';
import {
  isNullWord,
  MAX_TARGET_LENGTH,
  type NewDevice,
  TARGET_FORMS,
  TARGET_KINDS,
  type TargetKind,
} from '../model/device.ts';
import { MAX_TAG_NAME_LENGTH, MAX_TAG_VALUE_LENGTH, MAX_TAGS } from '../model/tags.ts';
import {
  APP_VERSION_WORDS,
  LAST_SEEN_WORDS,
  type Lookups,
  LOCALE_WORDS,
  parseAppVersion,
  parseLastSeen,
  parsePlatform,
  PLATFORM_WORDS,
  TIME_ZONE_WORDS,
  TRAIT_COLUMNS,
  type TraitColumn,
} from '../model/traits.ts';
import { showName } from '../show.ts';
import { describeMismatch, type DeviceLine, type Drop, type Reading } from './device-line.ts';
import type { Mismatch } from './text-lines.ts';

/** `DeviceTexts` are the values of a device as texts; an empty text is none. */
export interface DeviceTexts extends Readonly<Partial<Record<TargetKind | 'member' | TraitColumn, string>>> {
  /** Pairs of a name and a value; a value is null if it is not one text, and all are null if they cannot be read. */
  readonly tags?: readonly (readonly [name: string, value: string | null])[] | null;
  /** The name for the column of tags; absent: each tag has a column of its own. */
  readonly tagsColumn?: string;
}

/** `parseDevice` makes a device of its texts. A target or a member id that is not valid makes the row invalid, all else is dropped. */
export function parseDevice(
  texts: DeviceTexts,
  { force, lookups }: Reading,
): Pick<DeviceLine, 'device'> & { readonly drops: readonly Drop[] } {
  const cells = TARGET_KINDS.flatMap((kind) => {
    const text = texts[kind] ?? '';
    return text === '' ? [] : [{ kind, text }];
  });
  const cell = cells.find(({ text }) => !isNullWord(text));
  if (!cell) {
    const expected = 'a registration token (or a fid)';
    const got = cells.length === 0 ? 'nothing' : NULL_WORD;
    return { device: describeMismatch({ field: 'token', expected, got }), drops: [] };
  }
  const memberId = texts.member?.trim() || null;
  const problem =
    checkTarget(cell.kind, cell.text, force) ?? (memberId === null ? null : checkMember(memberId));
  if (problem !== null) return { device: describeMismatch(problem), drops: [] };
  const drops: Drop[] = [];
  const tags = parseTags(texts, drops);
  return {
    device: {
      target: cell.text,
      targetKind: cell.kind,
      memberId,
      ...parseTraits(texts, lookups, drops),
      ...(tags.length === 0 ? {} : { tags: Object.fromEntries(tags) }),
    },
    drops,
  };
}

const NULL_WORD = 'a word for NULL';

/** A number that a spreadsheet has rounded: the id's last digits are lost. */
const ROUNDED = /^\d[.,]\d+E\+\d+$/i;

interface FieldMismatch extends Mismatch {
  readonly field: string;
}

function checkTarget(kind: TargetKind, target: string, force: boolean): FieldMismatch | null {
  if (target.length > MAX_TARGET_LENGTH || !/^[\x21-\x7e]+$/.test(target)) {
    const got = `${target.length}${target.length > MAX_TARGET_LENGTH ? '' : ' with others among them'}`;
    return { field: kind, expected: `1 to ${MAX_TARGET_LENGTH} visible ASCII characters`, got };
  }
  const { pattern, words } = TARGET_FORMS[kind];
  if (force || pattern.test(target)) return null;
  return { field: kind, expected: `${words} (or --force)`, got: `${target.length} characters` };
}

function checkMember(memberId: string): FieldMismatch | null {
  const field = 'member_id';
  if (memberId.length > MAX_MEMBER_LENGTH) {
    return { field, expected: `at most ${MAX_MEMBER_LENGTH} characters`, got: `${memberId.length}` };
  }
  if (isNullWord(memberId)) return { field, expected: 'a member id or nothing', got: NULL_WORD };
  if (ROUNDED.test(memberId)) {
    return { field, expected: 'all digits of the id', got: 'a number that a spreadsheet has rounded' };
  }
  if (!isPlain(memberId)) {
    return { field, expected: 'characters that can be seen', got: 'others among them' };
  }
  return null;
}

function isPlain(text: string): boolean {
  return !/\p{Cc}/u.test(text) && text.isWellFormed();
}

type Traits = Pick<
  NewDevice,
  'platform' | 'locale' | 'timeZone' | 'appVersion' | 'lastSeenAt' | 'isTest' | 'isCanary'
>;

const FLAG_WORDS = '1 or 0, true or false, yes or no';

/** How each column is parsed: the field of the device, or null for a value that means nothing. */
const TRAITS: Readonly<
  Record<
    TraitColumn,
    { readonly expected: string; readonly parse: (text: string, lookups: Lookups) => Traits | null }
  >
> = {
  platform: {
    expected: PLATFORM_WORDS,
    parse: (text) => orNull(parsePlatform(text), (platform) => ({ platform })),
  },
  locale: {
    expected: LOCALE_WORDS,
    parse: (text, { parseLocale }) => orNull(parseLocale(text), (locale) => ({ locale })),
  },
  time_zone: {
    expected: `${TIME_ZONE_WORDS}, no offset`,
    parse: (text, { parseTimeZone }) => orNull(parseTimeZone(text), (timeZone) => ({ timeZone })),
  },
  app_version: {
    expected: APP_VERSION_WORDS,
    parse: (text) => orNull(parseAppVersion(text), (appVersion) => ({ appVersion })),
  },
  last_seen_at: {
    expected: LAST_SEEN_WORDS,
    parse: (text) => orNull(parseLastSeen(text), (lastSeenAt) => ({ lastSeenAt })),
  },
  is_test: {
    expected: FLAG_WORDS,
    parse: (text) => orNull(parseFlag(text), (isTest) => ({ isTest })),
  },
  is_canary: {
    expected: FLAG_WORDS,
    parse: (text) => orNull(parseFlag(text), (isCanary) => ({ isCanary })),
  },
};

function orNull<T>(value: T | null, make: (value: T) => Traits): Traits | null {
  return value === null ? null : make(value);
}

function parseTraits(texts: DeviceTexts, lookups: Lookups, drops: Drop[]): Traits {
  const traits: Traits = {};
  for (const column of TRAIT_COLUMNS) {
    const text = texts[column];
    if (text === undefined || text === '' || isNullWord(text)) continue;
    const { expected, parse } = TRAITS[column];
    const trait = parse(text, lookups);
    if (trait === null) drops.push({ field: column, expected });
    else Object.assign(traits, trait);
  }
  return traits;
}

/** `parseFlag` takes the words that databases and people have for true and false. */
export function parseFlag(text: string): boolean | null {
  if (/^(1|t|true|y|yes)$/i.test(text)) return true;
  return /^(0|f|false|n|no)$/i.test(text) ? false : null;
}

const TAG_NAME = `tags with names of 1 to ${MAX_TAG_NAME_LENGTH} visible characters`;
const TAG_VALUE = `a text of at most ${MAX_TAG_VALUE_LENGTH} visible characters`;
const TAG_NUMBER = `at most ${MAX_TAGS} tags`;
const TAGS_OBJECT = 'a JSON object of tags';

/** `withoutOthers` says what a device is imported with if only some of its tags are not valid. */
const withoutOthers = (what: string): string => `imported without the tags that have another ${what}`;

function parseTags({ tags = [], tagsColumn }: DeviceTexts, drops: Drop[]): [string, string][] {
  const kept: [string, string][] = [];
  const all = tagsColumn ?? 'tags';
  if (tags === null) {
    drops.push({ field: all, expected: TAGS_OBJECT });
    return kept;
  }
  for (const [name, value] of tags) {
    if (value === '' || (value !== null && isNullWord(value))) continue;
    if (name === '' || name.length > MAX_TAG_NAME_LENGTH || !isPlain(name)) {
      drops.push({ field: all, expected: TAG_NAME, result: withoutOthers('name') });
    } else if (value === null || value.length > MAX_TAG_VALUE_LENGTH || !isPlain(value)) {
      drops.push(
        tagsColumn === undefined
          ? { field: `tag:${showName(name)}`, expected: TAG_VALUE }
          : { field: all, expected: TAG_VALUE, result: withoutOthers('value') },
      );
    } else if (kept.length === MAX_TAGS) {
      drops.push({ field: all, expected: TAG_NUMBER, result: `imported with the first ${MAX_TAGS}` });
    } else {
      kept.push([name, value]);
    }
  }
  return kept;
}
