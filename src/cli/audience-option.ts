import { PushError } from '../errors.ts';
import { type DeviceFilter, filterSchema } from '../model/filter.ts';
import { isObject, parseWith } from '../parse.ts';
import { countCharacters, showName } from '../show.ts';
import { type Option, refuse } from './options.ts';

const AUDIENCE = 'conditions such as platform=ios,android locale=de tag:plan=pro, or JSON';
const NAMES = 'platform, locale, tag:NAME, version, seen, sample, member, view, zone or test';

/** The word for devices without a time zone. */
const NO_ZONE = 'none';

/** `audienceOption` is an option whose value says which devices an announcement is for. */
export function audienceOption(help: string): Option<DeviceFilter | null> {
  return { help, placeholder: 'CONDITIONS', fallback: null, parse: parseAudience };
}

/**
 * `parseAudience` reads conditions between blanks, each a name and values between commas; or a JSON object as the API has it,
 * for values with blanks or commas. PushError('BAD_INPUT').
 */
export function parseAudience(text: string, field: string): DeviceFilter {
  const fields = text.trim().startsWith('{') ? parseObject(text, field) : parseConditions(text, field);
  try {
    return parseWith(filterSchema, fields, 'BAD_INPUT');
  } catch (error) {
    if (!(error instanceof PushError)) throw error;
    throw PushError.of(
      'BAD_INPUT',
      error.problems.map((problem) => ({
        ...problem,
        field: problem.field === '' ? field : `${field}: ${problem.field}`,
      })),
    );
  }
}

function parseObject(text: string, field: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // Refused below, as JSON of another kind is.
  }
  throw refuse(field, 'a JSON object', `${countCharacters(text)} of other text`);
}

function parseConditions(text: string, field: string): Record<string, unknown> {
  const tags = new Map<string, string[]>();
  const version: { from?: string; below?: string } = {};
  const fields: Record<string, unknown> = {};
  const add = (name: string, value: unknown): void => {
    if (name in fields) throw refuse(field, `${showName(name)} once`, 'twice');
    fields[name] = value;
  };
  const words = text.trim().split(/\s+/);
  if (words[0] === '') throw refuse(field, AUDIENCE, 'nothing');
  for (const word of words) {
    const [, name = '', sign = '', value = ''] = /^(.+?)(>=|=|<)(.+)$/.exec(word) ?? [];
    if (name === 'version' && sign === '>=' && version.from === undefined) version.from = value;
    else if (name === 'version' && sign === '<' && version.below === undefined) version.below = value;
    else if (name === 'version') throw refuse(field, 'version>=4.2, version<5 or both', showName(word));
    else if (sign !== '=') throw refuse(field, AUDIENCE, showName(word));
    else if (name.startsWith('tag:')) {
      const tag = name.slice('tag:'.length);
      tags.set(tag, [...(tags.get(tag) ?? []), ...value.split(',')]);
    } else addField(name, value, add, field);
  }
  if (Object.keys(version).length > 0) fields['appVersion'] = version;
  if (tags.size > 0) fields['tags'] = Object.fromEntries(tags);
  return fields;
}

function addField(
  name: string,
  value: string,
  add: (name: string, value: unknown) => void,
  field: string,
): void {
  const values = value.split(',');
  switch (name) {
    case 'platform':
      return add(
        'platform',
        values.map((each) => each.toLowerCase()),
      );
    case 'locale':
      return add('locale', values);
    case 'seen':
      return add('seenWithin', value);
    case 'sample':
    case 'view':
      return add(name, value);
    case 'member':
      return add('memberIds', values);
    case 'zone':
      return add(
        'timeZone',
        values.map((each) => (each === NO_ZONE ? null : each)),
      );
    case 'test':
      if (value !== 'yes' && value !== 'no') throw refuse(field, 'test=yes or test=no', showName(value));
      return add('isTest', value === 'yes');
    default:
      throw refuse(field, NAMES, showName(name));
  }
}
