import type { HopWork } from './summary.ts';

/** What names a hop: one page of an announcement's audience in one round. */
export interface HopKey {
  readonly announcementId: number;
  /** 0 is the broadcast itself; 1, 2, … retry what the earlier rounds left. */
  readonly round: number;
  /** First id of the page (inclusive): a device's id, or in a mailing a message's. 0 is the beginning. */
  readonly fromId: number;
}

/** A hop as its claimant holds it. */
export interface Hop extends HopKey {
  /** Unique to this claim: an invocation that finds another owner in the row has lost the hop. */
  readonly owner: string;
  /** Number of claims since answers were last recorded for the hop, this one included; a postponed one does not count. */
  readonly claims: number;
  /** True if the claimant before may still be alive: it did not give the hop back, its lease ran out. */
  readonly isTakenOver: boolean;
  /** Last id that this lane may read (inclusive); null: no end. */
  readonly toId: number | null;
  /** The bounds of the page once it has been read: a repeat works the same page, not a new one. */
  readonly page: PageBounds | null;
  readonly handedOver: boolean;
  /** True for the first hop of an announcement until its first pushes have been judged: no other hop is woken before that. */
  readonly isCanary: boolean;
  /** What earlier claimants have done; absent: nothing was recorded yet. */
  readonly work?: HopWork;
  /** Number of the batch of deliveries that was counted last; absent: none. */
  readonly batches?: number;
}

export interface PageBounds {
  /** Last id of the page (inclusive); `fromId - 1` for an empty page. */
  readonly lastId: number;
  /** Where the next hop begins; null: this page was not full, so the lane ends here. */
  readonly nextId: number | null;
}

/** How an attempt to claim a hop ended. */
export type Claim =
  | { readonly kind: 'claimed'; readonly hop: Hop }
  /** Another invocation holds it, and its lease is live. */
  | { readonly kind: 'leased' }
  /** Its work is done and recorded. */
  | { readonly kind: 'closed' }
  /** No hop was planted here. */
  | { readonly kind: 'absent' };
