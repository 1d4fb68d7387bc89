import { countOf } from '../words.ts';
import type { DeviceFilter } from './filter.ts';

/**
 * `describeFilter` says in words which devices a filter is for: `ios or android; locale de; tag plan: pro`. Member ids are
 * counted, not shown.
 */
export function describeFilter(filter: DeviceFilter): string {
  const {
    platform,
    locale,
    appVersion,
    seenWithin,
    tags = {},
    memberIds,
    sample,
    view,
    timeZone,
    isTest,
  } = filter;
  const { from, below } = appVersion ?? {};
  const parts = [
    ...(platform ? [listOf(platform)] : []),
    ...(locale ? [`locale ${listOf(locale)}`] : []),
    ...(from === undefined ? [] : [`version ${from} or later`]),
    ...(below === undefined ? [] : [`version below ${below}`]),
    ...(seenWithin === undefined ? [] : [`seen within ${seenWithin}`]),
    ...Object.entries(tags).map(([name, values]) => `tag ${name}: ${listOf(values)}`),
    ...(memberIds ? [`the devices of ${countOf(memberIds.length, 'member')}`] : []),
    ...(sample === undefined ? [] : [`the sample ${sample}`]),
    ...(view === undefined ? [] : [`in ${view}`]),
    ...(timeZone ? [`time zone ${listOf(timeZone.map((zone) => zone ?? 'not known'))}`] : []),
    ...(isTest === undefined ? [] : [isTest ? 'test devices' : 'no test devices']),
  ];
  return parts.length === 0 ? 'all devices' : parts.join('; ');
}

/** At most three of the values. */
function listOf(values: readonly string[]): string {
  if (values.length > 3) return `${values.slice(0, 2).join(', ')} or ${values.length - 2} more`;
  return values.length < 2 ? values.join('') : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
}
