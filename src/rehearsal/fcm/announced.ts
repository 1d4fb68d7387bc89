import { PushError } from '../../errors.ts';
import { show } from '../../show.ts';

/** Headers that each answer has. */
export type MoreHeaders = Readonly<Record<string, string>>;

const PAGE = 'https://example.com/what-is-retired';

/**
 * `parseAnnounced` reads `sunset=2026-12-31,deprecation=2026-06-30` and makes the headers by which a service announces these
 * days in its answers. PushError('BAD_INPUT').
 */
export function parseAnnounced(text: string): MoreHeaders {
  const pairs = text.split(',').map((pair) => {
    const [, name = '', day = ''] = /^(sunset|deprecation)=(\d{4}-\d\d-\d\d)$/.exec(pair.trim()) ?? [];
    const ms = day === '' ? Number.NaN : Date.parse(day);
    if (!Number.isNaN(ms)) return [name, makeValue(name, ms)] as const;
    const expected = 'sunset=DAY, deprecation=DAY or both with a comma between, a day such as 2026-12-31';
    throw PushError.of('BAD_INPUT', [{ field: 'announce', expected, got: show(pair) }]);
  });
  const relations = pairs.map(([name]) => name).join(' ');
  return { ...Object.fromEntries(pairs), link: `<${PAGE}>; rel="${relations}"` };
}

function makeValue(name: string, ms: number): string {
  return name === 'sunset' ? new Date(ms).toUTCString() : `@${ms / 1000}`;
}
