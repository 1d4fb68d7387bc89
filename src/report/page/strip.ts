import { type HopSummary, isInterrupted } from '../../model/summary.ts';

/** Rounds that have a row of their own; the later ones share the last row. */
const MAX_ROWS = 4;

/** One cell of the strip: a hop, or the slowest of a group where there are more hops than cells. */
export interface Cell {
  readonly nth: number;
  /** The time of its sending as a share of the longest, from 0 to 1. */
  readonly share: number;
  /** An invocation was killed, its event was lost, or it gave the hop back. */
  readonly isTroubled: boolean;
}

export interface Row {
  readonly label: string;
  readonly cells: readonly Cell[];
}

/** `rowsOf` makes the rows of the strip: the broadcast, and below it the retry rounds. */
export function rowsOf(hops: readonly HopSummary[], now: number, maxCells: number): Row[] {
  const longestMs = longestOf(hops, now);
  const rounds = Map.groupBy(hops, ({ round }) => Math.min(round, MAX_ROWS - 1));
  return [...rounds]
    .toSorted(([one], [two]) => one - two)
    .map(([round, members]) => {
      const size = Math.ceil(members.length / maxCells);
      const groups = Array.from({ length: Math.ceil(members.length / size) }, (_, nth) =>
        members.slice(nth * size, (nth + 1) * size),
      );
      return {
        label: labelOf(round),
        cells: groups.map((group, nth) => ({
          nth,
          share: Math.min(1, Math.max(...group.map((hop) => sendingMsOf(hop, now))) / longestMs),
          isTroubled: group.some(isInterrupted),
        })),
      };
    });
}

/** `longestOf` is the longest time of a hop that was not interrupted: one that waited for a repeat would hide all others. */
export function longestOf(hops: readonly HopSummary[], now: number): number {
  const smooth = hops.filter((hop) => !isInterrupted(hop));
  return Math.max(1, ...(smooth.length === 0 ? hops : smooth).map((hop) => sendingMsOf(hop, now)));
}

function labelOf(round: number): string {
  if (round === 0) return 'broadcast';
  return round === MAX_ROWS - 1 ? `retry ${round}…` : `retry ${round}`;
}

/** `sendingMsOf` is how long a hop took from its slot to its end, or up to now. */
export function sendingMsOf({ claimedAt, openedAt, closedAt }: HopSummary, now: number): number {
  const from = openedAt ?? claimedAt;
  return from === null ? 0 : Math.max(0, (closedAt ?? now) - from);
}

/** `slowestOf` lists the hops whose sending took longest. */
export function slowestOf(hops: readonly HopSummary[], now: number, limit: number): HopSummary[] {
  return hops
    .filter(({ claimedAt }) => claimedAt !== null)
    .toSorted((one, two) => sendingMsOf(two, now) - sendingMsOf(one, now))
    .slice(0, limit);
}
