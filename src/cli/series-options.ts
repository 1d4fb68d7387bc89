import { findFirstTime } from '../broadcast/series.ts';
import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';
import type { Aim } from '../model/announcement.ts';
import { parseWallTime, WALL_TIME } from '../model/zones.ts';
import { showTime } from '../show.ts';
import { refuse, text, under, type ValuesOf } from './options.ts';

/** `SERIES_OPTIONS` are the options that send a new announcement in parts. */
export const SERIES_OPTIONS = under('When', {
  localTime: {
    ...text('TIME', 'each device gets it at this time in its own time zone, such as 2026-12-24T18:00', {
      fallback: null,
    }),
    parse: parseLocalTime,
  },
  repeat: text(
    'CRON',
    'send it at every occurrence of a cron expression of five fields, such as "0 9 * * 1"',
    {
      fallback: null,
    },
  ),
  zone: text('ZONE', "time zone of --repeat, such as Europe/Berlin (default: the source's TIME_ZONE)", {
    fallback: null,
  }),
});

export type SeriesOptions = ValuesOf<typeof SERIES_OPTIONS>;

/** The options by the fields that they set. */
const OPTION_OF = new Map([
  ['localTime', '--local-time'],
  ['repeat.at', '--repeat'],
  ['repeat.zone', '--zone'],
]);

function parseLocalTime(value: string, field: string): string {
  if (parseWallTime(value) !== null) return value;
  throw refuse(field, WALL_TIME, showTime(value));
}

/** `checkSeries` refuses options of a series beside those that they exclude. PushError('BAD_INPUT'). */
export function checkSeries({
  localTime,
  repeat,
  zone,
  ...rest
}: SeriesOptions & {
  readonly announcement: number | null;
  readonly resume: boolean;
  readonly at: Date | null;
}): void {
  if (zone !== null && repeat === null) throw refuse('--zone', '--repeat beside it', 'none');
  if (localTime === null && repeat === null) return;
  const own = repeat === null ? '--local-time' : '--repeat';
  const others = [
    ...(localTime !== null && repeat !== null ? ['--local-time'] : []),
    ...(rest.announcement === null ? [] : ['--announcement']),
    ...(rest.resume ? ['--resume'] : []),
    ...(rest.at === null ? [] : ['--at']),
  ];
  if (others.length > 0) throw refuse(own, `no ${others.join(' or ')} beside it`, 'both');
}

/** `planSeries` is the plan that the options say, with the time of its first part; null: they say none. PushError('BAD_INPUT'). */
export async function planSeries(
  ctx: Pick<Context, 'store' | 'config' | 'clock'>,
  { localTime, repeat, zone }: SeriesOptions,
  source: string,
): Promise<{ readonly plan: Pick<Aim, 'localTime' | 'repeat'>; readonly firstAt: number } | null> {
  if (localTime === null && repeat === null) return null;
  const ownZone = ctx.config.sources.get(source)?.timeZone ?? 'UTC';
  const plan = repeat === null ? { localTime } : { repeat: { at: repeat, zone: zone ?? ownZone } };
  try {
    return { plan, firstAt: await findFirstTime(ctx, { source, ...plan }) };
  } catch (error) {
    if (!(error instanceof PushError) || error.code !== 'BAD_INPUT') throw error;
    const problems = error.problems.map((each) => ({
      ...each,
      field: OPTION_OF.get(each.field) ?? each.field,
    }));
    throw PushError.of('BAD_INPUT', problems);
  }
}
