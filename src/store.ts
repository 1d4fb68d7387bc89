import type { Alerts } from './store/alerts.ts';
import type { Announcements } from './store/announcements.ts';
import type { Audiences } from './store/audiences.ts';
import type { Audits } from './store/audits.ts';
import type { Canaries } from './store/canaries.ts';
import type { Checks } from './store/checks.ts';
import type { Explanations } from './store/explanations.ts';
import type { Exports } from './store/exports.ts';

import type { Actor } from './model/audit.ts';
import type { Brake, Budget, Reservation } from './model/budget.ts';
import type { Counts, Delivery, Ledger, Push, Verdict } from './model/delivery.ts';
import type {
  Device,
  DeviceInTable,
  KindCounts,
  NewDevice,
  Registration,
  Succession,
  TraitCounts,
} from './model/device.ts';
import type { DeviceSelection } from './model/filter.ts';
import type { Claim, Hop, HopKey, PageBounds } from './model/hop.ts';
import type { ClaimedMessage, Message, MessageClaim, NewMessage } from './model/message.ts';
import type { HopWork } from './model/summary.ts';
import type { Members } from './store/members.ts';
import type { Overviews } from './store/overviews.ts';
import type { Receipts } from './store/receipts.ts';
import type { Retention } from './store/retention.ts';
import type { Series } from './store/series.ts';
import type { CountedBatch, Summaries } from './store/summaries.ts';
import type { Templates } from './store/templates.ts';

export type { Announcements, AnnouncementSummary, MoveOptions } from './store/announcements.ts';

/**
 * What Baton needs of its database, MySQL or SQLite. Every method is one statement, or one transaction where its comment says
 * so. Times are by the database's own clock, in milliseconds from now unless a comment says otherwise. Ids are whole numbers
 * up to 2^53 - 1; a larger id in a row is a PushError('DATABASE') that `isBadRow`, and is never rounded.
 */
export interface Store
  extends
    Announcements,
    Hops,
    Deliveries,
    Devices,
    Members,
    Messages,
    Templates,
    Budgets,
    Series,
    Summaries,
    Audiences,
    Audits,
    Alerts,
    Canaries,
    Checks,
    Exports,
    Receipts,
    Retention,
    Explanations,
    Overviews {
  close(): Promise<void>;
}

/** Hops. They are claimed with a lease, so that another invocation can take over the hop of a killed one. */
export interface Hops {
  /** Takes a hop that no other invocation holds: it is unclaimed, or its lease has run out. */
  claimHop(key: HopKey, owner: string, leaseMs: number): Promise<Claim>;
  /**
   * Records the page's bounds and the number of its pushes, and plants the next hop, in one transaction; false if the hop is no
   * longer the owner's.
   */
  turnPage(hop: Hop, bounds: PageBounds, wakeWithinMs: number, pushes?: number): Promise<boolean>;
  /** Records that Lambda has accepted the next hop's job, and that this hop's canary, if it had one, has been judged. */
  markHandedOver(hop: Hop): Promise<void>;
  /** First ids of the lanes that no invocation has begun yet. */
  fetchSleepingLanes(key: HopKey): Promise<number[]>;
  /**
   * Extends the lease if the hop is still the owner's and its announcement is still running; false otherwise. The pushes
   * `inFlight` are recorded as `unknown` in the same transaction: a crash must not repeat them.
   */
  holdHop(hop: Hop, leaseMs: number, inFlight?: readonly Push[]): Promise<boolean>;
  /** Extends the lease even if the announcement no longer runs: pushes are out, or their answers are not recorded yet. */
  extendLease(hop: Hop, leaseMs: number): Promise<boolean>;
  /** Gives an unfinished hop back, for the next invocation to claim at once. `why` is for a person who asks what happened. */
  releaseHop(hop: Hop, why?: string): Promise<void>;
  /** Gives an unfinished hop back, for the tick to wake in `wakeInMs`. The claim does not count. */
  postponeHop(hop: Hop, wakeInMs: number): Promise<void>;
  /** Closes a hop, and keeps what it has done in its row; false if it is no longer the owner's. */
  closeHop(hop: Hop, work?: HopWork): Promise<boolean>;
  /**
   * Plants the first hop of a retry round, to be woken when its last retry is due; false if there is nothing to retry within
   * the announcement's time to live.
   */
  plantRound(announcementId: number, round: number): Promise<boolean>;
  /** Open hops of running announcements whose lease has run out; while a canary is open, only that one. */
  fetchStalled(limit: number): Promise<HopKey[]>;
  /** Takes a stalled hop from its owner, if it has one, for another invocation to be woken; false if it is no longer stalled. */
  reviveHop(key: HopKey, wakeWithinMs: number): Promise<boolean>;
  /** True if a hop of the announcement is open. */
  hasOpenHop(announcementId: number): Promise<boolean>;
  countHops(announcementId: number): Promise<{ open: number; closed: number }>;
  /** Number of hops, of all announcements, that an invocation holds now. */
  countBusyHops(): Promise<number>;
}

/** The ledger: what became of each push. */
export interface Deliveries {
  /** Verdicts on devices from `fromId` to `lastId`, both inclusive, by device id; devices without a delivery are absent. */
  fetchVerdicts(announcementId: number, fromId: number, lastId: number): Promise<Map<number, Verdict>>;
  /** Deliveries of one verdict, by message id and device id, that come after `after`; at most `limit`. */
  fetchDeliveries(
    announcementId: number,
    verdict: Verdict,
    after: { readonly messageId: number; readonly deviceId: number },
    limit: number,
  ): Promise<{ messageId: number; deviceId: number; reason: string | null }[]>;
  /**
   * Writes the verdicts of some pushes; idempotent. A row that has a final verdict keeps it. If the hop is no longer the owner's,
   * only final verdicts are written: the new owner records the others. An `unregistered` device is left out of later pages,
   * unless the announcement is a dry run. Texts are cut to what their column holds. Only this resets the hop's number of
   * claims, and not where `isProgress` is false: nothing was sent.
   */
  recordDeliveries(
    hop: Hop,
    deliveries: readonly Delivery[],
    options?: { readonly isProgress?: boolean; readonly batch?: CountedBatch },
  ): Promise<void>;
  /**
   * Writes a delivery with the longest texts and undoes it, in one transaction: fails where `recordDeliveries` would fail,
   * before anything is sent. False if the hop is no longer the owner's.
   */
  proveRecording(hop: Hop): Promise<boolean>;
  countDeliveries(announcementId: number): Promise<Counts>;
  /** Devices that the key's round has to send again, from the key's id to `toId`, both inclusive (null: no end). */
  fetchRetryPage(
    key: HopKey,
    toId: number | null,
    limit: number,
    selection?: Pick<DeviceSelection, 'withTraits'>,
  ): Promise<(Device & { readonly was: Verdict })[]>;
  /**
   * Makes sure that retry rounds find what hops of round 0 have left to retry, if an earlier release of Baton closed them; does
   * nothing for other hops, which do so themselves. One transaction for each hop.
   */
  keepRetries(announcementId: number): Promise<void>;
  /** Ends all retries if no hop is open and `round` was the last: `retryable` becomes `rejected`, and the other verdicts stay. */
  settleRetries(announcementId: number, round: number): Promise<void>;
}

/** Where the FID of a token is looked for. */
export interface TwinReading extends Pick<DeviceSelection, 'filter'> {
  readonly hop: Pick<Hop, 'announcementId' | 'toId'>;
  /** The page as it was read. */
  readonly page: readonly Device[];
  /** Where the rest of the lane begins, up to the end of the hop; null: there is none. */
  readonly nextId: number | null;
  /** True: a part of the rest may have been read already. */
  readonly isRepeat: boolean;
}

/** Devices. A page is a range of their ids. */
export interface Devices {
  /**
   * Adds devices; those already in the table keep their id and their member, receive pushes again, and get the traits and tags
   * that are given. So does a row whose target one of them replaces: the one that it names, or for a FID the token of the same
   * install and of no other member. Two rows become one only while no announcement is being sent. Resolves to the number added.
   * PushError('BAD_INPUT'), also if a team's own view lacks a column.
   */
  addDevices(devices: readonly NewDevice[]): Promise<number>;
  /**
   * Adds one device or renews it, even if it was unregistered; sets the member, the traits and the tags that are given. It was
   * last seen now if nothing else is given. A row whose target it replaces gets the new one, as in `addDevices`. Resolves to its
   * id. PushError('BAD_INPUT'), also if a team's own view lacks a column.
   */
  registerDevice(device: Registration): Promise<number>;
  /** Deletes a device and its tags; false if there is none with this target. */
  removeDevice(target: string): Promise<boolean>;
  /** Number of devices that receive pushes: all but the unregistered. */
  countDevices(): Promise<number>;
  /** Devices that receive pushes, by id from `fromId` to `toId`, both inclusive (null: no end), at most `limit`. */
  fetchPage(
    fromId: number,
    toId: number | null,
    limit: number,
    selection?: DeviceSelection,
  ): Promise<Device[]>;
  /**
   * The page of a hop again, up to `lastId`, with the devices found unregistered since the hop was planted, and with those that
   * have an open verdict in the ledger, whether the selection still takes them or not.
   */
  fetchPageAgain(key: HopKey, lastId: number, selection?: DeviceSelection): Promise<Device[]>;
  /** All devices by id, unregistered or not, each with the announcement that found it unregistered. */
  fetchDevices(fromId: number, limit: number): Promise<(DeviceInTable & { unregisteredBy: number | null })[]>;
  /** What has become of devices whose target FCM has refused; devices of which nothing is known are absent. */
  fetchSuccessions(devices: readonly DeviceInTable[]): Promise<ReadonlyMap<number, Succession>>;
  /**
   * Those of some devices of a page whose token is of the same install as the FID of another device, with a higher id, that gets
   * the push: it is on the same page, or in the rest that is still to be read, or the ledger has it.
   */
  fetchTwins(devices: readonly Device[], reading: TwinReading): Promise<ReadonlySet<number>>;
  /** Number of devices that receive pushes, by the kind of their target. */
  countKinds(): Promise<KindCounts>;
  /** Where further lanes begin, so that each has its share of the ids from `fromId` on; fewer lanes for few devices. */
  splitDevices(fromId: number, lanes: number): Promise<number[]>;
  /** What the devices that receive pushes say about themselves, in numbers. */
  countTraits(maxLocales: number): Promise<TraitCounts>;
  /** Number of unregistered devices, by the announcement that found them. */
  countUnregistered(): Promise<{ announcementId: number | null; devices: number }[]>;
  /**
   * Sends again to devices that an announcement found unregistered; resolves to their number. The change and its line in the
   * audit are one transaction; `actor` is Baton itself if absent.
   */
  restoreDevices(announcementId: number, actor?: Actor): Promise<number>;
}

/** Messages. Each is one notification for one recipient. */
export interface Messages {
  /** Adds messages to be sent in a mailing from `publishAt` on (milliseconds since the epoch). */
  addMessages(messages: readonly NewMessage[], publishAt: number): Promise<void>;
  /**
   * Makes a mailing of a source's messages that are due, at most `limit`. The messages join it, and it becomes due, in one
   * transaction. Resolves to its id, or to null if no message is due.
   */
  makeMailing(source: string, limit: number): Promise<number | null>;
  /** Sources of the messages that are in no mailing yet. */
  fetchPendingSources(): Promise<string[]>;
  /** Ids of a mailing's messages from the key's id on; in a retry round, only of those that it has to send again. */
  fetchMessageIds(key: HopKey, toId: number | null, limit: number): Promise<number[]>;
  /** A mailing's messages from the key's id to `lastId` (inclusive); in a retry round, only those that it has to send again. */
  fetchMessages(key: HopKey, lastId: number): Promise<Message[]>;
  /** What the ledger has of the messages that `fetchMessages` resolves to. */
  fetchLedger(key: HopKey, lastId: number): Promise<Ledger>;
  /**
   * Claims messages that are sent at once: adds new ones, and takes over those whose lease has run out. The nth claim belongs
   * to the nth message; no two messages may have the same key.
   */
  claimMessages(messages: readonly NewMessage[], owner: string, leaseMs: number): Promise<ClaimedMessage[]>;
  /**
   * Writes a delivery with the longest texts and undoes it, in one transaction: fails where `recordMessages` would fail, before
   * anything is sent. The id is that of a message that the caller has claimed: nobody else proves with it.
   */
  proveRecordingMessages(messageId: number): Promise<void>;
  /** Records deliveries, and gives back the messages that have to be sent again. */
  recordMessages(deliveries: readonly Delivery[], givenBack: readonly MessageClaim[]): Promise<void>;
  /** Extends the leases of messages that are still their owners': their answers are not recorded yet. */
  extendMessageLeases(claims: readonly MessageClaim[], leaseMs: number): Promise<void>;
}

/** Budgets, one for each source. A change applies only to the version that the caller has read. */
export interface Budgets {
  /** A source's budget, and an announcement's turn in it (null: without a turn). A source that has never sent is idle. */
  fetchBudget(source: string, announcementId: number | null): Promise<Budget>;
  /** Reserves the next part of the budget; false if it has changed since `version`. */
  reserveBudget(source: string, version: number, reservation: Reservation): Promise<boolean>;
  /** Stops the source for a while and cancels all reservations; false if the budget has changed since `version`. */
  brakeBudget(source: string, version: number, brake: Brake): Promise<boolean>;
  /** Records that FCM is up again. */
  endOutage(source: string): Promise<void>;
  /**
   * Gives back the end of a slot that is not used and that ends in `endsInMs`; without effect after a brake, or if another
   * page has reserved behind it: that page keeps its time, so the next one would be sent together with it.
   */
  returnBudget(
    source: string,
    unused: { readonly ms: number; readonly endsInMs: number; readonly brakes: number },
  ): Promise<void>;
  /** Counts a hop's mean time to an answer in the mean of the source. */
  recordAnswerTime(source: string, answerMs: number): Promise<void>;
}
