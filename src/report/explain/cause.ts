import { formatDuration } from '../../words.ts';

/** Why an announcement is as it is. */
export const CAUSE_CODES = [
  'not-scheduled',
  'not-due',
  'no-tick',
  'refused',
  'not-sendable',
  'gone',
  'paused',
  'cancelled',
  'fcm-down',
  'throttled',
  'not-invoked',
  'loop-terminated',
  'dead-lane',
  'lost-events',
  'killed',
  'database-down',
  'database-slow',
  'failures',
  'retries',
  'ramp',
  'budget',
  'nothing',
] as const;

export interface Cause {
  readonly code: (typeof CAUSE_CODES)[number];
  /** What holds the announcement up, or did, in words for a person. */
  readonly cause: string;
  /** What to do. */
  readonly remedy: string;
}

/** `describeTick` says when the schedule ticked last. */
export function describeTick(tickAgeMs: number | null): string {
  return tickAgeMs === null
    ? 'the schedule has never ticked'
    : `the last tick was ${formatDuration(tickAgeMs)} ago`;
}

/** What to do where the schedule does not tick. */
export const TICK_REMEDY =
  'let the schedule tick: enable its rule in EventBridge and release the kill switch, or run `baton serve`; ' +
  '`baton scan` ticks once';

/** The cause of chains that Lambda's recursive loop detection stops; `setting` is null if AWS was not asked. */
export function terminatedCause(setting: string | null): Cause {
  return {
    code: 'loop-terminated',
    cause:
      "Lambda's recursive loop detection stops each chain after 16 invocations: " +
      (setting === null
        ? 'every chain broke there, and none went further'
        : `the function's setting is ${setting}`),
    remedy:
      'allow the loop: `baton doctor --function NAME --fix`, or `aws lambda put-function-recursion-config ' +
      '--recursive-loop Allow --function-name NAME`',
  };
}
