import type { Context } from '../context.ts';
import { cutText } from '../errors.ts';
import { makeId } from '../id.ts';
import type { Alert, AnnouncementAlertKind } from '../model/alert.ts';
import type { Announcement } from '../model/announcement.ts';
import type { Counts } from '../model/delivery.ts';
import { balanceOf, type Totals } from '../model/summary.ts';
import { formatCount, formatMinutes, formatShare } from '../words.ts';

/** A reason may have FCM's own words, or those of a database. */
const MAX_REASON_LENGTH = 1000;

/** What an alert is about. */
export interface Occasion {
  readonly kind: AnnouncementAlertKind;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly announcement: Pick<Announcement, 'announcementId' | 'source' | 'dryRun'>;
  readonly totals: Totals;
  readonly counts: Counts | null;
  readonly reason: string | null;
  /** True: it has ended, so that an `unknown` push stays so. */
  readonly isOver: boolean;
  /** Milliseconds without progress, or in which FCM took nothing. */
  readonly lastedMs?: number;
  /** Who has started it. */
  readonly actor?: string;
}

/** Makes an alert in plain words. It says nothing of the content: a title is message text. */
export function composeAlert({ config }: Pick<Context, 'config'>, occasion: Occasion): Alert {
  const { kind, at, announcement, totals, counts, reason } = occasion;
  const { announcementId, source, dryRun } = announcement;
  const subject = `Announcement ${announcementId}${dryRun ? ' (a dry run)' : ''}`;
  return {
    id: `alert_${makeId()}`,
    kind,
    at,
    stage: config.stage,
    source,
    announcementId,
    text: `${subject} ${predicateOf(occasion)}`,
    reason: reason === null ? null : cutText(reason, MAX_REASON_LENGTH),
    balance: balanceOf(totals),
    counts,
    next: nextStepOf(kind, announcementId),
  };
}

function predicateOf({ kind, totals, counts, isOver, lastedMs = 0, actor }: Occasion): string {
  const audience = balanceOf(totals)?.audience ?? null;
  const of = audience === null ? 'pushes' : `of ${formatCount(audience)} pushes`;
  const reached = counts === null ? '' : `: ${formatCount(counts.delivered)} ${of} delivered`;
  switch (kind) {
    case 'started': {
      const size = audience === null ? '' : `: ${formatCount(audience)} pushes to send`;
      return `has started${actor === undefined ? '' : ` (by ${actor})`}${size}.`;
    }
    case 'done':
      return `is done${reached}.`;
    case 'failed':
      return `has failed${reached}.`;
    case 'paused':
      return 'was paused at its start: it waits for a person.';
    case 'stalled':
      return `has made no progress for ${formatMinutes(lastedMs)}, although nothing holds it up${reached}.`;
    case 'throttled':
      return `waits for FCM: it was throttled, or FCM was down, for ${formatMinutes(lastedMs)} in all${reached}.`;
    case 'failure-rate': {
      const { percent, answered } = failuresOf(counts, isOver);
      return `fails too often: ${formatShare(percent, 100)} of ${formatCount(answered)} pushes were rejected${isOver ? ' or not answered' : ''}.`;
    }
  }
}

function nextStepOf(kind: AnnouncementAlertKind, announcementId: number): string {
  const explain = `baton explain ${announcementId}`;
  switch (kind) {
    case 'started':
      return `\`baton status ${announcementId}\` says how far it is.`;
    case 'done':
      return `\`${explain}\` says what took how long.`;
    case 'failed':
      return `Fix the reason, then \`baton resume ${announcementId}\`: it continues where it stopped. \`${explain}\` says more.`;
    case 'paused':
      return `\`${explain}\` says what lets it start. Nothing was sent.`;
    case 'stalled':
      return `\`${explain}\` names the cause; \`baton doctor\` says whether everything is set up correctly.`;
    case 'throttled':
      return `Nothing has to be done now: it continues by itself. \`${explain}\` says how often this happened.`;
    case 'failure-rate':
      return `\`${explain}\` has the reasons with their remedies.`;
  }
}

/**
 * The pushes that will never arrive, of those that have their answer. A device without the app is no failure. While an
 * announcement runs, `unknown` may still change.
 */
export function failuresOf(counts: Counts | null, isOver: boolean): { percent: number; answered: number } {
  if (counts === null) return { percent: 0, answered: 0 };
  const { delivered, unregistered, rejected, unknown } = counts;
  const failed = rejected + (isOver ? unknown : 0);
  const answered = failed + delivered + unregistered;
  return { percent: answered === 0 ? 0 : (100 * failed) / answered, answered };
}
