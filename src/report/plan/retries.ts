import type { Config } from '../../config/config.ts';
import type { Context } from '../../context.ts';
import type { Announcement } from '../../model/announcement.ts';
import type { HopSummary } from '../../model/summary.ts';
import type { AnnouncementSummary } from '../../store.ts';

/** The last announcements of the source that say how much is retried. */
const MAX_EARLIER = 5;

/** The tick wakes a retry round that is due: on average, half of its minute later. */
const TICK_WAIT_MS = 30_000;

/** The jitter makes each wait up to half longer, and a round waits for the last of its pushes. */
const LONGEST_WAIT = 1.5;

/** What is expected to be retried, as it was in the last announcements of the source. */
export interface ExpectedRetries {
  /** The share of the audience that the first retry round sends again. */
  readonly share: number;
  /** Retry rounds; where there was a round in only some of the announcements, as many as there were in most of those. */
  readonly rounds: number;
  /** Milliseconds from the end of the broadcast to the end of the last round. */
  readonly ms: number;
}

/** `expectRetries` reads how much the last announcements of a source had to retry; null: nothing, or there was none. */
export async function expectRetries(
  { store, config }: Pick<Context, 'store'> & { readonly config: Pick<Config, 'retryMs'> },
  others: readonly AnnouncementSummary[],
  { audience }: Pick<Announcement, 'audience'>,
  { pushes, perMinute, answerMs }: { pushes: number; perMinute: number; answerMs: number },
): Promise<ExpectedRetries | null> {
  const earlier = others
    .filter((other) => other.audience === audience && other.status === 'done' && !other.dryRun)
    .slice(0, MAX_EARLIER);
  const counts = [];
  for (const { announcementId } of earlier)
    counts.push(countRounds(await store.fetchHopSummaries(announcementId)));
  const share = meanOf(counts.map((each) => each.share));
  const retried = counts.filter(({ rounds }) => rounds > 0);
  // Less than one push is none.
  if (share * pushes < 1 || retried.length === 0) return null;
  const rounds = Math.round(meanOf(retried.map((each) => each.rounds)));
  let ms = 0;
  for (let nth = 0; nth < rounds; nth++) {
    ms += config.retryMs * 2 ** nth * LONGEST_WAIT + TICK_WAIT_MS + 2 * answerMs;
  }
  return { share, rounds, ms: Math.round(ms + (share * pushes * 60_000) / perMinute) };
}

function countRounds(hops: readonly HopSummary[]): { readonly share: number; readonly rounds: number } {
  const pushesOf = (round: number): number =>
    hops.reduce((sum, hop) => sum + (hop.round === round ? (hop.devices ?? 0) : 0), 0);
  const all = pushesOf(0);
  return {
    share: all === 0 ? 0 : pushesOf(1) / all,
    rounds: Math.max(0, ...hops.map(({ round }) => round)),
  };
}

function meanOf(numbers: readonly number[]): number {
  return numbers.length === 0 ? 0 : numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
}
