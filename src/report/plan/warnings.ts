import type { FcmCredentials } from '../../config/config.ts';
import { describeSeries } from '../../broadcast/series.ts';
import { type Announcement, isSeries } from '../../model/announcement.ts';
import type { QuietRule } from '../../model/quiet-hours.ts';
import { isTickLate } from '../../model/tick.ts';
import { formatDuration, formatTime } from '../../words.ts';
import type { Plan } from './plan.ts';

/** What a plan's warnings depend on, beside the plan. */
export interface Circumstances {
  readonly announcement: Announcement;
  /** Null: the source is not configured here. */
  readonly credentials: FcmCredentials | null;
  readonly brakeMs: number;
  readonly isDown: boolean;
  /** Null: there has been no tick. */
  readonly tickAgeMs: number | null;
  readonly isScheduled: boolean;
  /** Why it would not start; null: it would. */
  readonly waits: string | null;
  /** The quiet hours that it is due in; null: none. */
  readonly quiet: { readonly rule: QuietRule; readonly until: number } | null;
  /** The last announcement of the source that has started; null: none. */
  readonly previous: { readonly announcementId: number; readonly audience: number } | null;
  /** Announcements that share the budget meanwhile. */
  readonly rivals: readonly number[];
}

/** FCM's default quota of a project, in messages a minute. */
const DEFAULT_QUOTA = 600_000;

/** FCM asks its clients to keep so far away from :00, :15, :30 and :45. https://firebase.google.com/docs/cloud-messaging/scale-fcm */
const BUSY_MS = 120_000;
const QUARTER_MS = 900_000;

/** An audience that differs from the last one by this factor is probably a mistake. */
const FAR_FACTOR = 2;

/** Lists what is likely to go wrong, or probably not meant. */
export function listWarnings(plan: Omit<Plan, 'warnings'>, circumstances: Circumstances): string[] {
  const { waits } = circumstances;
  return [
    ...(waits === null ? [] : [`it waits at its start: ${waits}`]),
    ...warnOfSource(plan, circumstances),
    ...warnOfTime(plan, circumstances),
    ...warnOfAudience(plan, circumstances),
  ];
}

function warnOfSource({ source, perMinute }: Omit<Plan, 'warnings'>, given: Circumstances): string[] {
  const { announcement, credentials, brakeMs, isDown } = given;
  const { problem } = announcement;
  return [
    ...(problem === null ? [] : [`it cannot be sent: ${problem}`]),
    ...(credentials === null ? [`the source ${source} is not configured here`] : []),
    ...(credentials?.kind === 'none' ? [`the source ${source} has no credentials here`] : []),
    ...(isDown ? ['FCM is down: the source probes it until it is up again'] : []),
    ...(brakeMs > 0 && !isDown
      ? [`FCM throttles: the source stops for another ${formatDuration(brakeMs)}`]
      : []),
    ...(perMinute > DEFAULT_QUOTA
      ? [
          `the budget of ${perMinute} messages a minute is over FCM's default quota of ${DEFAULT_QUOTA}: Google has to grant it`,
        ]
      : []),
  ];
}

function warnOfTime({ startsAt, durationMs }: Omit<Plan, 'warnings'>, given: Circumstances): string[] {
  const { announcement, tickAgeMs, isScheduled, rivals, quiet } = given;
  const { ttlSeconds } = announcement;
  const sinceQuarterMs = startsAt % QUARTER_MS;
  const isBusy = Math.min(sinceQuarterMs, QUARTER_MS - sinceQuarterMs) < BUSY_MS;
  const isWithoutTick = isScheduled && isTickLate(tickAgeMs);
  return [
    ...(isSeries(announcement)
      ? [
          `it is sent in parts (${describeSeries(announcement)}): the numbers are those of one part for everybody`,
        ]
      : []),
    ...(quiet === null ? [] : [describeQuiet(quiet)]),
    ...(isBusy
      ? ['it starts within two minutes of :00, :15, :30 or :45, when FCM is busy: FCM asks for another time']
      : []),
    ...(ttlSeconds !== null && ttlSeconds * 1000 < durationMs
      ? [
          `the time to live of ${ttlSeconds} s is shorter than the broadcast: what FCM refuses at its end is not retried`,
        ]
      : []),
    ...(isWithoutTick
      ? [
          `${tickAgeMs === null ? 'there was no tick yet' : `the last tick was ${formatDuration(tickAgeMs)} ago`}: nothing starts without the tick`,
        ]
      : []),
    ...(rivals.length > 0
      ? [`it shares the budget with announcement ${rivals.join(', ')}, so that both take longer`]
      : []),
  ];
}

function describeQuiet({ rule, until }: NonNullable<Circumstances['quiet']>): string {
  const end = `${formatTime(until)} UTC`;
  switch (rule) {
    case 'hold':
      return `it is due in quiet hours: it starts at their end, ${end}`;
    case 'expire':
      return `it is due in quiet hours, which end at ${end}: it is cancelled`;
  }
}

function warnOfAudience({ audience }: Omit<Plan, 'warnings'>, { previous }: Circumstances): string[] {
  if (audience === 0) return ['the audience is empty'];
  if (previous === null) return [];
  const { announcementId, audience: before } = previous;
  if (audience < FAR_FACTOR * before && before < FAR_FACTOR * audience) return [];
  return [
    `the audience is ${audience}, that of the source's last announcement (${announcementId}) was ${before}`,
  ];
}
