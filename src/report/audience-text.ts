import type { Announcement } from '../model/announcement.ts';
import type { DeviceFilter } from '../model/filter.ts';
import { countOf } from '../words.ts';

/** Values of a list that are named; the others are counted. */
const MAX_NAMED = 5;

/** `describeAudience` says whom an announcement is for, in words and without a number. */
export function describeAudience({ audience, filter }: Pick<Announcement, 'audience' | 'filter'>): string {
  switch (audience) {
    case 'messages':
      return 'the recipients of its messages';
    case 'devices':
      return filter ? `devices with ${describeFilter(filter)}` : 'every device';
  }
}

function describeFilter({ memberIds, tags = {}, ...rest }: DeviceFilter): string {
  const fields = Object.entries(rest).filter(([, value]) => value !== undefined);
  return [
    ...fields.map(([name, value]) => `${name} ${describeValue(value)}`),
    ...Object.entries(tags).map(([name, values]) => `tag ${name} ${describeValue(values)}`),
    ...(memberIds ? [`memberIds: ${countOf(memberIds.length, 'member')}`] : []),
  ].join(', ');
}

function describeValue(value: unknown): string {
  if (!Array.isArray(value)) return typeof value === 'string' ? value : JSON.stringify(value);
  const rest = value.length - MAX_NAMED;
  return [...value.slice(0, MAX_NAMED).map(String), ...(rest > 0 ? [`${rest} more`] : [])].join(' or ');
}
