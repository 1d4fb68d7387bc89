import { onOneLine } from '../../words.ts';
import { explainReason } from '../reasons.ts';
import { sumReasons } from '../sums.ts';
import type { Cause } from './cause.ts';
import type { Facts } from './facts.ts';

/** How the errors of a database begin that are not about one row. */
export const DATABASE_ERROR = /(^|: )(database|DATABASE_URL): |could not be recorded/;

/** What to do about a failure, by its reason where the pushes do not say it. */
const REMEDIES: readonly (readonly [RegExp, Cause['code'], string])[] = [
  [
    DATABASE_ERROR,
    'database-down',
    'let the database take writes again: `baton doctor` says what it refuses',
  ],
  [
    /credential|service account|private key|access token|invalid_grant/i,
    'refused',
    'renew the credentials of the source',
  ],
  [/no such source|source/i, 'refused', 'configure the source: FCM_CREDENTIALS and FCM_PROJECT_ID'],
  [/without recording anything/, 'killed', 'see why its invocations end: the log of the function says it'],
  [/: expected .* got /, 'not-sendable', 'correct the row in push_announcement'],
];

/** Why an announcement has failed, and what to do before it is resumed. */
export function failedCause({ announcement, hops, times }: Facts): Cause {
  const { announcementId, statusReason, problem } = announcement;
  const words = onOneLine(statusReason ?? problem ?? 'no reason was recorded');
  const resume = `then \`baton resume ${announcementId}\``;
  const reason = sumReasons(hops).find((each) => words.includes(`(${each.reason}`))?.reason;
  if (reason === 'UNREGISTERED') {
    return {
      code: 'gone',
      cause: `nearly all devices are unregistered, which a wrong project or a bad import causes: ${shorten(words)}`,
      remedy:
        'check that the devices belong to this project and environment; if the apps are really gone: ' +
        `\`baton resume ${announcementId} --accept-unregistered\``,
    };
  }
  if (reason !== undefined) {
    const { meaning, remedy } = explainReason(reason);
    return {
      code: 'refused',
      cause: `${meaning}: ${shorten(words)}`,
      remedy: `${remedy ?? 'fix that'}; ${resume}`,
    };
  }
  const [, code, remedy] = REMEDIES.find(([pattern]) => pattern.test(words)) ?? [];
  if (code !== undefined) return { code, cause: words, remedy: `${remedy}; ${resume}` };
  const isBefore = times.startedAt === null;
  return { code: isBefore ? 'not-sendable' : 'refused', cause: words, remedy: `fix that; ${resume}` };
}

/** The advice at the end of a failure's words is said as the remedy. */
function shorten(words: string): string {
  const [, facts] = /^(FCM refused .*? \([^)]*\)): /.exec(words) ?? [];
  const said = /FCM says: .*$/.exec(words)?.[0];
  if (facts === undefined) return words;
  return said === undefined ? facts : `${facts}. ${said}`;
}
