/** @jsxRuntime automatic @jsxImportSource preact */
import type { AuditEntry } from '../../model/audit.ts';
import { formatCount, formatDuration, formatMinute, formatShare, formatTime } from '../../words.ts';
import { explainReason } from '../reasons.ts';
import { sumReasons } from '../sums.ts';
import type { TimeUse } from '../timeline.ts';
import { Section, Words } from './parts.tsx';
import type { Earlier, Report } from './report.ts';

const MAX_REASONS = 9;

/** What FCM, or Baton in its place, has said of pushes that were not delivered. */
export function Errors({ report }: { report: Report }) {
  const reasons = sumReasons(report.hops);
  if (reasons.length === 0) return null;
  return (
    <Section title="Errors">
      <p class="note">Answers, not devices: a push that was sent again counts once for each answer.</p>
      <table class="stack">
        <thead>
          <tr>
            <th scope="col">Code</th>
            <th scope="col" class="num">
              Answers
            </th>
            <th scope="col">Meaning</th>
            <th scope="col">What to do</th>
          </tr>
        </thead>
        <tbody>
          {reasons.slice(0, MAX_REASONS).map(({ reason, pushes }) => {
            const { meaning, remedy } = explainReason(reason);
            return (
              <tr key={reason}>
                <th scope="row" class="code">
                  {reason}
                </th>
                <td class="num">{formatCount(pushes)}</td>
                <td class="full meaning">
                  <span class="brief">{meaning}</span>
                </td>
                <td class="full muted">
                  <span class="brief">{remedy ?? 'nothing'}</span>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {reasons.length > MAX_REASONS && <p class="note">And {reasons.length - MAX_REASONS} rarer codes.</p>}
    </Section>
  );
}

/** The announcement beside the last five of its source. */
export function Comparison({ report, use }: { report: Report; use: TimeUse }) {
  const { announcement, balance, earlier } = report;
  if (earlier.length === 0) return null;
  const own: Earlier = {
    announcementId: announcement.announcementId,
    title: announcement.content?.title ?? '',
    status: announcement.status,
    startedAt: use.startedAt,
    finishedAt: use.endedAt,
    balance,
  };
  return (
    <Section
      title={`Compared with the last ${earlier.length === 1 ? 'announcement' : `${earlier.length} announcements`} of ${announcement.source}`}
    >
      <table class="stack">
        <thead>
          <tr>
            <th scope="col">Announcement</th>
            <th scope="col">Started (UTC)</th>
            <th scope="col" class="num">
              Audience
            </th>
            <th scope="col" class="num">
              Reached
            </th>
            <th scope="col" class="num">
              App gone
            </th>
            <th scope="col" class="num">
              Time
            </th>
          </tr>
        </thead>
        <tbody>
          {[own, ...earlier].map((each) => (
            <tr key={each.announcementId} class={each === own ? 'own' : undefined}>
              <th scope="row" class="full">
                <span class="cut">
                  {each.announcementId} <Words text={each.title} />
                  {each.status === 'done' ? '' : ` (${each.status})`}
                </span>
              </th>
              <td class="when">{each.startedAt === null ? '–' : formatMinute(each.startedAt)}</td>
              <td class="num">{each.balance === null ? '–' : formatCount(each.balance.audience)}</td>
              <td class="num">{shareOf(each, 'delivered')}</td>
              <td class="num">{shareOf(each, 'unregistered')}</td>
              <td class="num">
                {each.startedAt === null || each.finishedAt === null
                  ? '–'
                  : formatDuration(each.finishedAt - each.startedAt)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}

function shareOf({ balance }: Earlier, part: 'delivered' | 'unregistered'): string {
  return balance === null ? '–' : formatShare(balance[part], balance.audience);
}

const MAX_ENTRIES = 16;

/** Who changed what, when and why; of many entries the first and the last. */
export function Audit({ report }: { report: Report }) {
  const { audit, sourceAudit, use } = report;
  const during = sourceAudit.filter(({ at }) => use !== null && at >= use.startedAt && at <= use.endedAt);
  const all = mergeRepeats(
    [...audit, ...during].toSorted((one, two) => one.at - two.at || one.auditId - two.auditId),
  );
  if (all.length === 0) return null;
  const left = all.length - MAX_ENTRIES;
  const shown = left > 0 ? [...all.slice(0, MAX_ENTRIES / 2), ...all.slice(-MAX_ENTRIES / 2)] : all;
  return (
    <Section title="Who changed what">
      {left > 0 && <p class="note">The first and the last of {formatCount(all.length)} entries.</p>}
      <table class="stack audit">
        <thead>
          <tr>
            <th scope="col">Time (UTC)</th>
            <th scope="col">Who</th>
            <th scope="col">What</th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((entry) => (
            <tr key={entry.auditId}>
              <td class="when">{formatTime(entry.at)}</td>
              <td class="who">
                <span class="brief">{entry.actor}</span>
              </td>
              <td class="what">
                {describeEntry(entry)}
                {entry.times > 1 && <span class="muted"> {formatCount(entry.times)} times</span>}
              </td>
              <td class="full muted">
                <span class="brief">{entry.why ?? ''}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}

/** Stops of a source may follow each other by the dozen, as each hop finds out by itself: they are one line. */
function mergeRepeats(entries: readonly AuditEntry[]): (AuditEntry & { readonly times: number })[] {
  const merged: (AuditEntry & { readonly times: number })[] = [];
  for (const entry of entries) {
    const last = merged.at(-1);
    if (last && entry.announcementId === null && last.announcementId === null && last.action === entry.action)
      merged[merged.length - 1] = { ...last, times: last.times + 1 };
    else merged.push({ ...entry, times: 1 });
  }
  return merged;
}

function describeEntry({ action, announcementId, source, became }: AuditEntry): string {
  if (announcementId === null) return `source ${source ?? ''}: ${action}`;
  return became === null ||
    became === action ||
    action === 'started' ||
    action === 'created' ||
    action === 'resumed'
    ? action
    : `${action}: ${became}`;
}
