import { findAnnouncement } from '../../broadcast/announcement.ts';
import type { Context } from '../../context.ts';
import {
  countOf,
  formatClock,
  formatCount,
  formatDuration,
  formatShare,
  onOneLine,
  toIso,
} from '../../words.ts';
import { describeEdits } from '../edits.ts';
import { PART_WORDS, PARTS, type TimeUse } from '../timeline.ts';
import { type Cause } from './cause.ts';
import { describeState, findCause } from './causes.ts';
import { type FactOptions, type Facts, fetchFacts } from './facts.ts';
import { fetchCounted, type Proof, proveNumbers } from './proof.ts';
import { type StoryEvent, tellStory } from './story.ts';

/** What `explain` says of an announcement. */
export interface Explanation extends Cause {
  readonly facts: Facts;
  readonly state: string;
  readonly story: readonly StoryEvent[];
  readonly use: TimeUse | null;
  /** Null: it has not started. */
  readonly proof: Proof | null;
}

/** Explains an announcement: PushError('NO_SUCH_ANNOUNCEMENT') if there is none. It counts the ledger. */
export async function explainAnnouncement(
  ctx: Pick<Context, 'store' | 'clock'>,
  announcementId: number,
  optionsOf: (source: string) => FactOptions,
): Promise<Explanation> {
  const announcement = await findAnnouncement(ctx, announcementId);
  const facts = await fetchFacts({ ...ctx, ...optionsOf(announcement.source) }, announcement);
  const proof = facts.use === null ? null : proveNumbers(facts, await fetchCounted(ctx, facts));
  return {
    facts,
    state: describeState(facts),
    ...findCause(facts),
    story: tellStory(facts),
    use: facts.use,
    proof,
  };
}

/** What `explain --json` prints. Times are ISO 8601. */
export function explanationToJson({
  facts,
  state,
  code,
  cause,
  remedy,
  story,
  use,
  proof,
}: Explanation): object {
  const { announcement, times, lambda } = facts;
  const { announcementId, status, source, edited, approvedBy = null } = announcement;
  return {
    announcementId,
    status,
    source,
    state,
    cause: { code, says: cause, remedy },
    edited,
    approvedBy,
    publishAt: toIso(times.publishAt),
    startedAt: toIso(times.startedAt),
    finishedAt: toIso(times.finishedAt),
    timeline: story.map(({ at, says }) => ({ at: toIso(at), says })),
    time: use === null ? null : { wallMs: use.wallMs, parts: use.parts },
    proof,
    ...(lambda === null ? {} : { function: lambda }),
  };
}

/** What `explain` prints. */
export function describeExplanation({ facts, state, cause, remedy, story, use, proof }: Explanation): string {
  return [
    state,
    `cause:  ${onOneLine(cause)}`,
    `remedy: ${onOneLine(remedy)}`,
    ...describeEdits(facts.announcement),
    '',
    'timeline (UTC)',
    ...story.map(({ at, says }) => `  ${formatClock(at)}  ${says}`),
    ...(use === null ? [] : ['', ...describeUse(use)]),
    ...(proof === null ? [] : ['', ...describeProof(proof)]),
    '',
  ].join('\n');
}

function describeUse({ parts, wallMs }: TimeUse): string[] {
  const used = PARTS.filter((part) => parts[part] > 0).toSorted((one, two) => parts[two] - parts[one]);
  return [
    `where the time went (${formatDuration(wallMs)})`,
    ...used.map((part) => {
      const share = formatShare(parts[part], wallMs);
      return `  ${share.padStart(6)}  ${formatDuration(parts[part]).padStart(12)}  ${PART_WORDS[part]}`;
    }),
  ];
}

function describeProof({ holds, problems, repeats, isMoving }: Proof): string[] {
  const { sent, hops, takenOver, givenBack, woken, reasons } = repeats;
  return [
    `proof${isMoving ? ' (it runs: numbers move while they are read)' : ''}`,
    ...holds.map((says) => `  ✓ ${says}`),
    ...problems.map((says) => `  ✗ ${says}`),
    `  ${formatCount(sent)} pushes were sent, retries and repeats included`,
    ...(hops === 0
      ? ['  no hop was interrupted']
      : [
          `  ${countOf(hops, 'hop')} interrupted: taken over ${countOf(takenOver, 'time')}, given back ` +
            `${countOf(givenBack, 'time')}, woken by the tick ${countOf(woken, 'time')}`,
        ]),
    ...reasons
      .slice(0, 3)
      .map(({ why, hops: same }) => `    ${countOf(same, 'hop')}: ${onOneLine(why).slice(0, 200)}`),
  ];
}
