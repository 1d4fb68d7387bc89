import { PushError } from '../errors.ts';
import type { DeviceFilter } from './filter.ts';

/** How AUDIENCE_VIEWS names tables and views: names between commas; `*` stands for any letters, digits and _. */
export const VIEW_PATTERNS = /^[A-Za-z0-9_*]{1,64}( *, *[A-Za-z0-9_*]{1,64})*$/;

/** True if one of the patterns names the table. */
export function isViewNamed(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) =>
    new RegExp(`^${pattern.replaceAll(/\*+/g, '[A-Za-z0-9_]*')}$`).test(name),
  );
}

/** PushError('BAD_INPUT') for a filter with a table that the configured patterns do not name. */
export function checkView(
  field: string,
  filter: DeviceFilter | null | undefined,
  { audienceViews = [] }: { readonly audienceViews?: readonly string[] },
): void {
  if (filter?.view === undefined || isViewNamed(audienceViews, filter.view)) return;
  const expected = 'a table or view that AUDIENCE_VIEWS names';
  throw PushError.of('BAD_INPUT', [{ field, expected, got: filter.view }]);
}
