import type { HopSummary } from '../../model/summary.ts';
import { MAX_START_MS } from '../stretches.ts';

/** The hops of one lane, each invoked by the one before. */
export type Chain = readonly HopSummary[];

/** Lambda stops a chain after about so many invocations, the tick's own among them. */
const MIN_TERMINATED = 14;
const MAX_TERMINATED = 16;

/** `chainsOf` divides the hops of the broadcast itself (round 0) into lanes, in the order of their ids. */
export function chainsOf(hops: readonly HopSummary[]): Chain[] {
  const byId = new Map(hops.filter(({ round }) => round === 0).map((hop) => [hop.fromId, hop]));
  const followers = new Set(Array.from(byId.values(), ({ nextId }) => nextId));
  const heads = [...byId.values()].filter(({ fromId }) => !followers.has(fromId));
  return heads.map((head) => {
    const chain: HopSummary[] = [];
    const seen = new Set<number>();
    for (let hop: HopSummary | undefined = head; hop && !seen.has(hop.fromId);) {
      chain.push(hop);
      seen.add(hop.fromId);
      hop = hop.nextId === null ? undefined : byId.get(hop.nextId);
    }
    return chain;
  });
}

/** True if the event of a hop of round 0 never reached the function: the tick woke it, or should have. */
export function isLost(
  { claimedAt, closedAt, plantedAt, leaseUntil, woken }: HopSummary,
  now: number,
): boolean {
  if (claimedAt === null) return closedAt === null && (woken > 0 || leaseUntil < now);
  return woken > 0 && claimedAt - plantedAt > MAX_START_MS;
}

/** True if a hop is open, and nothing works on it though its time to be woken is over. */
export function isDead(hop: HopSummary, now: number): boolean {
  const { closedAt, isHeld, leaseUntil, claimedAt, woken } = hop;
  return closedAt === null && !isHeld && (leaseUntil < now || (claimedAt === null && woken > 0));
}

/**
 * True if every chain broke after as many hops as Lambda's recursive loop detection allows, and none went further: the
 * function's recursion configuration is `Terminate`.
 */
export function looksTerminated(chains: readonly Chain[], now: number): boolean {
  let breaks = 0;
  for (const chain of chains) {
    let length = 0;
    for (const hop of chain) {
      if (isLost(hop, now) && length > 0) {
        if (length < MIN_TERMINATED) return false;
        breaks++;
        length = 0;
      }
      length++;
      if (length > MAX_TERMINATED) return false;
    }
  }
  return breaks > 0;
}
