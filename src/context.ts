/**
 * Every word of Baton, as types. Nothing here runs.
 *
 *   announcement  one broadcast: content, source, status
 *   device        one push target; its id is auto-increment and is the cursor
 *   job           what an event asks for, typed
 *   hop           one invocation working one page of devices
 *   page          up to PAGE_SIZE devices, found by reading one row more than that
 *   lane          an id range that recurses on its own; one by default
 *   cursor        the first device id not yet handed to any hop; inclusive; 0 is the beginning
 *   round         0 is the broadcast itself; 1, 2, ... go over its retryable deliveries again
 *   message       one notification for one recipient, with content of its own
 *   run           an announcement that is made of messages: they become due, and go out together
 *   delivery      what became of one push: one row for each (announcement, message, device)
 *   verdict       how FCM's answer is judged
 *   source        one Firebase project that pushes go through
 *   budget        the messages a minute that a source may send, shared by every hop of every announcement
 *   stage         dev, staging or prod; in every log line
 */

export type Stage = 'dev' | 'staging' | 'prod';

/** `at-least-once`: a crash may repeat pushes in flight. `at-most-once`: those end as `unknown` instead. */
export type DeliveryPromise = 'at-least-once' | 'at-most-once';

export type AnnouncementStatus =
  'draft' | 'scheduled' | 'running' | 'paused' | 'cancelled' | 'failed' | 'done';

/**
 * - `delivered`: FCM accepted the message.
 * - `unregistered`: the app is gone from that device.
 * - `rejected`: this device's target will never work; the others are fine.
 * - `retryable`: FCM did not take it this time.
 * - `misconfigured`: no fault of the device (credentials, project, payload); every other push fails alike.
 * - `unknown`: no answer came, so FCM may or may not have accepted it.
 */
export type Verdict = 'delivered' | 'unregistered' | 'rejected' | 'retryable' | 'misconfigured' | 'unknown';

export type Counts = Record<Verdict, number>;

/** What the phone shows. `data` goes to the app as FCM takes it: strings only. */
export interface Content {
  readonly title: string;
  readonly body: string;
  readonly image: string | null;
  readonly data: Readonly<Record<string, string>>;
  readonly options: ContentOptions;
}

/** What a message may have besides. The last three are FCM's own words for each platform, laid over Baton's. */
export interface ContentOptions {
  /** Opened by a click on the web; apps get it as `data.link`. */
  readonly link?: string | undefined;
  /** Android's click_action, and APNs' category. */
  readonly clickAction?: string | undefined;
  readonly sound?: string | undefined;
  readonly badge?: number | undefined;
  readonly priority?: 'normal' | 'high' | undefined;
  readonly analyticsLabel?: string | undefined;
  readonly android?: Readonly<Record<string, unknown>> | undefined;
  readonly apns?: Readonly<Record<string, unknown>> | undefined;
  readonly webpush?: Readonly<Record<string, unknown>> | undefined;
}

/** What a phone gets. */
export interface Notification {
  readonly content: Content;
  readonly ttlSeconds: number | null;
  /** Pushes with the same key replace each other on the phone; at most 64 bytes. */
  readonly collapseKey: string;
}

export interface NewAnnouncement {
  readonly source: string;
  readonly promise: DeliveryPromise;
  /** How long a push is worth anything: FCM keeps it no longer, and it is not tried again after that. Null: 4 weeks. */
  readonly ttlSeconds: number | null;
  /** FCM validates every message (`validate_only`) and shows none. */
  readonly dryRun: boolean;
  /** Chains of hops that go over the devices side by side. */
  readonly lanes: number;
  readonly content: Content;
}

/** Every device; or, in a run of messages, each message's own recipient: its ids are those of messages then. */
export type Audience = 'devices' | 'messages';

export interface Announcement extends NewAnnouncement {
  readonly announcementId: number;
  readonly audience: Audience;
  readonly status: AnnouncementStatus;
  /** A chunk that is nearly all `unregistered` is believed, and does not stop it. */
  readonly acceptUnregistered: boolean;
  /** Why it stands where it stands, in words for a person; null where the status says it all. */
  readonly statusReason: string | null;
}

/** A registration token or a Firebase installation id: FCM takes either. */
export type TargetKind = 'token' | 'fid';

export interface NewDevice {
  readonly target: string;
  readonly targetKind: TargetKind;
  /** Whose it is; absent or null: nobody's that is known. */
  readonly memberId?: string | null;
}

export interface Device extends Omit<NewDevice, 'memberId'> {
  readonly deviceId: number;
}

/** What names a push within its announcement. */
export interface PushId {
  readonly deviceId: number;
  /** Absent: the announcement itself. */
  readonly messageId?: number;
}

/** One push of a page. */
export interface Push extends Device, PushId {
  /** The message's; absent: the announcement's. */
  readonly own?: Notification;
  /** After that it is not tried again; null or absent: the announcement says. */
  readonly expiresInMs?: number | null;
}

/** One device, or all devices of a member. */
export type Recipient =
  | { readonly deviceId: number; readonly memberId: null }
  | { readonly deviceId: null; readonly memberId: string };

export interface NewMessage extends Pick<Notification, 'content' | 'ttlSeconds'> {
  /** The same key makes no second message. */
  readonly messageKey: string;
  readonly source: string;
  readonly recipient: Recipient;
}

/** A message as it is in the table, and the devices that it goes to. */
export interface Message {
  readonly messageId: number;
  /** Null: what is in the row cannot be sent, for the reason in `problem`. */
  readonly content: Content | null;
  readonly problem: string | null;
  readonly ttlSeconds: number | null;
  /** Until its time to live is over; null: it has none. */
  readonly expiresInMs: number | null;
  readonly devices: readonly Device[];
}

/** A delivery as the ledger has it. */
export interface Recorded extends Pick<Outcome, 'verdict' | 'reason' | 'messageName'> {
  readonly round: number;
  readonly isToRetry: boolean;
}

/** By message, then by device. */
export type Ledger = ReadonlyMap<number, ReadonlyMap<number, Recorded>>;

/** A message that is to be sent at once, as its claimant finds it. */
export interface ClaimedMessage extends Message {
  readonly owner: string;
  /** False: another run is at it, for as long as `leaseMs`. */
  readonly isMine: boolean;
  readonly leaseMs: number;
  readonly recorded: ReadonlyMap<number, Recorded>;
}

/** One page of an announcement's audience, starting at `fromId` (inclusive): a device's id, or in a run a message's. */
export interface HopKey {
  readonly announcementId: number;
  readonly round: number;
  readonly fromId: number;
}

/** The job that goes on with a broadcast at one hop. */
export interface BroadcastJob extends HopKey {
  readonly kind: 'broadcast';
  /** For the one that starts it; absent: as the announcement says. */
  readonly lanes?: number | undefined;
}

/** The minute tick: start what is due, wake what stalled, close what is finished. */
export interface ScanJob {
  readonly kind: 'scan';
}

/** An announcement that is not in the table yet. */
export interface AnnounceJob {
  readonly kind: 'announce';
  /** Null: FCM_SOURCE. */
  readonly source: string | null;
  readonly announcement: Omit<NewAnnouncement, 'source'>;
  /** Milliseconds since the epoch; null: now. */
  readonly publishAt: number | null;
  /** The same key makes no second announcement; null: the id of the request. */
  readonly idempotencyKey: string | null;
}

/** Is everything as it has to be? See doctor/examine.ts. */
export interface DoctorJob {
  readonly kind: 'doctor';
}

/** Messages that are to be sent at once, as SQS hands them over. */
export interface QueueJob {
  readonly kind: 'queue';
  readonly records: readonly QueueRecord[];
}

export interface QueueRecord {
  /** SQS's own, the same however often it is delivered. */
  readonly recordId: string;
  readonly body: string;
}

export type PushJob = BroadcastJob | ScanJob | AnnounceJob | DoctorJob | QueueJob;

/** A hop as its claimant holds it. */
export interface Hop extends HopKey {
  /** Unique to this claim. Whoever holds another owner's hop has lost it. */
  readonly owner: string;
  /** Claims since the hop last got as far as sending, this one included. */
  readonly claims: number;
  /** Last id that this chain may read (inclusive); null for no end. */
  readonly toId: number | null;
  /** The bounds of the page, once it has been read: a repeat works the same page, not a new one. */
  readonly page: PageBounds | null;
  readonly handedOver: boolean;
  /** The first of its announcement, until its first chunk has been judged: nobody else is woken before. */
  readonly isCanary: boolean;
}

export interface PageBounds {
  /** Last id of the page (inclusive); `fromId - 1` for an empty page. */
  readonly lastId: number;
  /** Where the next hop begins; null if this page was not full, so that the chain ends here. */
  readonly nextId: number | null;
}

export type Claim =
  | { readonly kind: 'claimed'; readonly hop: Hop }
  /** Somebody else holds it and the lease is live. */
  | { readonly kind: 'leased' }
  /** Its work is done and recorded. */
  | { readonly kind: 'closed' }
  /** No chain has come this way. */
  | { readonly kind: 'absent' };

/** What FCM said of one push; the nth outcome belongs to the nth push. */
export interface Outcome {
  readonly verdict: Verdict;
  /** FCM's own error code, or ours where no answer came; null when delivered. */
  readonly reason: string | null;
  /** FCM's name for the accepted message, `projects/…/messages/…`. */
  readonly messageName: string | null;
  /** How long FCM asks to wait before the next try. */
  readonly retryAfterMs: number | null;
}

/** What the ledger keeps of one push. */
export interface Delivery extends PushId, Pick<Outcome, 'verdict' | 'reason' | 'messageName'> {
  /** When to try again, from now; null: never. */
  readonly retryInMs: number | null;
}

/** A source's budget as it stands. A time in the past is negative. */
export interface Budget {
  /** Changes with every reservation and every brake. */
  readonly version: number;
  /** Until what is reserved so far has been sent. */
  readonly freeInMs: number;
  /** The same of urgent messages alone. */
  readonly urgentInMs: number;
  /** By how much urgent messages have put off all that was reserved before them; only ever grows. */
  readonly urgentMs: number;
  /** Since the rate began to rise from nothing; negative: that is yet to come. */
  readonly rampAgeMs: number;
  /** Until FCM wants messages again. */
  readonly brakeMs: number;
  /** How many brakes there have been: each makes void what was reserved before it. */
  readonly brakes: number;
  /** Tries in vain since FCM went down; 0: it is up. */
  readonly outages: number;
  /** Until the slot opens that the announcement has reserved last: it reserves no other before. */
  readonly turnInMs: number;
}

export interface Reservation {
  readonly takenMs: number;
  /** The ramp begins with it. */
  readonly startsRamp: boolean;
  /** Ahead of all that is reserved already, which is put off by as much. */
  readonly isUrgent: boolean;
  /** Whose turn it takes, and in how many milliseconds it opens. */
  readonly turn: { readonly announcementId: number; readonly opensInMs: number } | null;
}

export interface Brake {
  readonly pauseMs: number;
  /** How far up the ramp the source goes on after it. */
  readonly rampAgeMs: number;
  /** In words for a person, to be followed by `until` and a time. */
  readonly reason: string;
  /** Tries in vain since FCM went down; 0: it is up, and wants less. */
  readonly outages: number;
}

/**
 * The database. Every method is one statement, or one transaction where it says so; all times are the database's own
 * clock. Ids are whole numbers up to 2^53 - 1; a larger one in a row is an error, never a rounded id.
 */
export interface Store extends MessageStore {
  /** As a draft; resolves to its id. */
  createAnnouncement(announcement: NewAnnouncement): Promise<number>;
  /** As scheduled for a time in milliseconds since the epoch, unless there is one of that idempotency key already. */
  createAnnouncementOnce(
    announcement: NewAnnouncement,
    idempotencyKey: string,
    publishAt: number,
  ): Promise<{ announcementId: number; isNew: boolean }>;
  fetchAnnouncement(announcementId: number): Promise<Announcement | null>;
  /** Running, paused or failed ones, the latest first. */
  fetchUnfinished(limit: number): Promise<Announcement[]>;
  /** One conditional update: false if the status was none of `from`. */
  moveAnnouncement(
    announcementId: number,
    from: readonly AnnouncementStatus[],
    to: AnnouncementStatus,
    reason: string | null,
  ): Promise<boolean>;
  /** Draft or scheduled -> scheduled, to start at a time in milliseconds since the epoch: false if it was neither. */
  scheduleAnnouncement(announcementId: number, publishAt: number): Promise<boolean>;
  /**
   * Draft or scheduled -> running, and plants each lane's first hop, in one transaction: false if it was neither. A lane ends
   * where the next begins; the first begins at the key's.
   */
  startAnnouncement(key: HopKey, wakeWithinMs: number, laneIds?: readonly number[]): Promise<boolean>;
  /** Fails no more for a chunk that is nearly all `unregistered`. */
  acceptUnregistered(announcementId: number): Promise<void>;
  /** Running -> done, if no hop of it is open and `round` was the last: false if it was not so. */
  finishAnnouncement(announcementId: number, round: number): Promise<boolean>;
  /** Notes that the schedule ticks. */
  recordTick(): Promise<void>;
  /** Milliseconds since it last did; null if it never has. */
  fetchTickAgeMs(): Promise<number | null>;
  /** Scheduled announcements whose `publish_at` has come. */
  fetchDue(limit: number): Promise<number[]>;

  /** Adds devices; those already there keep their id, and are pushed to again. Resolves to the number added. */
  addDevices(devices: readonly NewDevice[]): Promise<number>;
  /** Adds one device, or takes its target up anew, also if it was unregistered, and with its member if that is given. */
  registerDevice(device: NewDevice): Promise<number>;
  /** False if there is no such device. */
  removeDevice(target: string): Promise<boolean>;
  /** Those that are pushed to. */
  countDevices(): Promise<number>;
  /** Devices that are pushed to, by id from `fromId` to `toId`, both inclusive (null: no end), at most `limit`. */
  fetchPage(fromId: number, toId: number | null, limit: number): Promise<Device[]>;
  /** The page of a hop once more, up to `lastId`: with those that turned out to be unregistered since it was planted. */
  fetchPageAgain(key: HopKey, lastId: number): Promise<Device[]>;
  /** All devices by id, unregistered or not, and the announcement that found out. */
  fetchDevices(fromId: number, limit: number): Promise<(Device & { unregisteredBy: number | null })[]>;
  /** Where further lanes are to begin, so that each has its part of the ids from `fromId` on; fewer for few devices. */
  splitDevices(fromId: number, lanes: number): Promise<number[]>;
  /** Devices that are unregistered, by the announcement that found out. */
  countUnregistered(): Promise<{ announcementId: number | null; devices: number }[]>;
  /** Pushes again to those that an announcement found unregistered. Resolves to their number. */
  restoreDevices(announcementId: number): Promise<number>;

  /**
   * The same, of the devices that an earlier round than the hop's has left to try again, or whose delivery is
   * `misconfigured` in its own, from which a systemic failure stopped it.
   */
  fetchRetryPage(key: HopKey, toId: number | null, limit: number): Promise<Device[]>;

  /** Takes a hop that nobody holds: planted and unclaimed, or its lease ran out. */
  claimHop(key: HopKey, owner: string, leaseMs: number): Promise<Claim>;
  /** Notes the page's bounds and plants the next hop, in one transaction: false if the hop is no longer the owner's. */
  turnPage(hop: Hop, bounds: PageBounds, wakeWithinMs: number): Promise<boolean>;
  markHandedOver(hop: Hop): Promise<void>;
  /** Where the lanes begin whose first hop nobody has begun yet. */
  fetchSleepingLanes(key: HopKey): Promise<number[]>;
  /**
   * Extends the lease and counts the claims anew, if the hop is still the owner's and its announcement still running: false
   * if not. With pushes, they are recorded as `unknown` in the same transaction: on their way, and not to be sent again.
   */
  holdHop(hop: Hop, leaseMs: number, inFlight?: readonly Push[]): Promise<boolean>;
  /** Gives the hop back unfinished, for whoever comes next. */
  releaseHop(hop: Hop): Promise<void>;
  /** Gives it back for later: the tick wakes somebody for it then. */
  postponeHop(hop: Hop, wakeInMs: number): Promise<void>;
  /** The hop's work is done: false if it is no longer the owner's. */
  closeHop(hop: Hop): Promise<boolean>;
  /**
   * Plants the first hop of a retry round, to be woken when the last retry is due: false if nothing is to be tried again,
   * or not before the announcement's time to live is over.
   */
  plantRound(announcementId: number, round: number): Promise<boolean>;
  /** Makes final what was to be tried again, if no hop is open and `round` was the last: `retryable` becomes `rejected`. */
  settleRetries(announcementId: number, round: number): Promise<void>;
  /** Open hops of running announcements whose lease ran out; but none before the first chunk of all is judged. */
  fetchStalled(limit: number): Promise<HopKey[]>;
  /** Takes a stalled hop from whoever had it, to wake somebody else for it: false if it is not stalled any more. */
  reviveHop(key: HopKey, wakeWithinMs: number): Promise<boolean>;
  /** Running announcements without an open hop, and their last round. */
  fetchFinished(limit: number): Promise<{ announcementId: number; round: number }[]>;
  countHops(announcementId: number): Promise<{ open: number; closed: number }>;

  /** The verdicts on devices from `fromId` to `lastId`, both inclusive; devices without a delivery are absent. */
  fetchVerdicts(announcementId: number, fromId: number, lastId: number): Promise<Map<number, Verdict>>;
  /** Those of one verdict, by message and device, that come after `after`; at most `limit`. */
  fetchDeliveries(
    announcementId: number,
    verdict: Verdict,
    after: { readonly messageId: number; readonly deviceId: number },
    limit: number,
  ): Promise<{ messageId: number; deviceId: number; reason: string | null }[]>;
  /**
   * Idempotent. A row that is already `delivered`, `unregistered` or `rejected` stays as it is; and if the hop is not the
   * owner's any more, only such verdicts are recorded: the rest is for whoever took it over to say. An `unregistered` device
   * is left out of pages from then on, unless the announcement is a dry run.
   */
  recordDeliveries(hop: Hop, deliveries: readonly Delivery[]): Promise<void>;
  countDeliveries(announcementId: number): Promise<Counts>;

  /** A source's budget, and an announcement's turn in it; null for who takes no turns. */
  fetchBudget(source: string, announcementId: number | null): Promise<Budget>;
  /** Reserves the next part of it; false if somebody else changed it since `version`. */
  reserveBudget(source: string, version: number, reservation: Reservation): Promise<boolean>;
  /** Nothing more is sent for so long, and all that was reserved is void; false as above. */
  brakeBudget(source: string, version: number, brake: Brake): Promise<boolean>;
  /** FCM is up again. */
  endOutage(source: string): Promise<void>;

  close(): Promise<void>;
}

/** The part of the database that has to do with messages. */
export interface MessageStore {
  /** To go out in a run from `publishAt` on, in milliseconds since the epoch. */
  addMessages(messages: readonly NewMessage[], publishAt: number): Promise<void>;
  /**
   * Makes a run of a source's messages that are due, at most `limit`, to be started as any announcement that is due, in one
   * transaction: null if there are none.
   */
  makeRun(source: string, limit: number): Promise<number | null>;
  /** Those of messages that are in no run yet. */
  fetchPendingSources(): Promise<string[]>;
  /** Ids of a run's messages from `fromId` on; in a later round, of those that it has to go over again. */
  fetchMessageIds(key: HopKey, toId: number | null, limit: number): Promise<number[]>;
  /** The same messages up to `lastId` (inclusive). */
  fetchMessages(key: HopKey, lastId: number): Promise<Message[]>;
  /** What the ledger has of them. */
  fetchLedger(key: HopKey, lastId: number): Promise<Ledger>;
  /**
   * Takes messages that are to be sent at once: those not there yet are added, and those whose claimant's lease is over are
   * taken over. The nth claim is that of the nth message; keys must differ.
   */
  claimMessages(messages: readonly NewMessage[], owner: string, leaseMs: number): Promise<ClaimedMessage[]>;
  /** Records them, and gives back the messages that somebody has to send again. */
  recordMessages(
    deliveries: readonly Delivery[],
    givenBack: readonly Pick<ClaimedMessage, 'messageId' | 'owner'>[],
  ): Promise<void>;
}

/** A device, and what it gets if not what the batch has for all. */
export type Addressee = Device & Pick<Push, 'own'>;

/** What goes to FCM in one call. */
export interface Batch extends Notification {
  readonly dryRun: boolean;
  readonly devices: readonly Addressee[];
}

export interface Sender {
  /**
   * Resolves to one outcome a device, in order, when the last answer is there or `signal` aborts. May be called again
   * before that. Throws only if nothing was sent.
   */
  send(batch: Batch, signal: AbortSignal): Promise<Outcome[]>;
  close(): Promise<void>;
}

/** Asks Lambda to run a job in an invocation of its own; resolves once Lambda has accepted it. */
export interface Invoker {
  invoke(functionName: string, job: PushJob): Promise<void>;
  close(): void;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/** One JSON object a line. `event` is a fixed phrase; what varies goes into the fields. */
export interface Log {
  info(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

export interface Senders {
  /** The sender of a source, opened at its first push and kept warm. PushError('NO_SUCH_SOURCE'), ('BAD_CREDENTIALS'). */
  of(source: string): Promise<Sender>;
  close(): Promise<void>;
}

/** Makes one call of what many ask for at the same time. */
export interface Gatherer {
  /**
   * Runs `work` for the items of all callers of this name that came while the call before was under way; each gets the
   * results of its own items. `work` has one result for each item, in order.
   */
  join<In, Out>(
    name: string,
    items: readonly In[],
    work: (items: readonly In[]) => Promise<readonly Out[]>,
  ): Promise<readonly Out[]>;
}

/** Opened once for a warm container; lives on between invocations. */
export interface Services {
  readonly config: Config;
  readonly gatherer: Gatherer;
  readonly store: Store;
  readonly senders: Senders;
  readonly invoker: Invoker;
  readonly clock: Clock;
  readonly log: Log;
}

/** One invocation: the services, and what Lambda says of this run. */
export interface Context extends Services {
  readonly requestId: string;
  /** What to invoke to run again: the ARN this run was called by, so that an alias stays on its alias. */
  readonly functionName: string;
  readonly remainingMs: () => number;
}

/** See config.ts for what each is read from and defaults to. */
export interface Config {
  readonly stage: Stage;
  /** The source of whoever does not name one. */
  readonly source: string;
  readonly sources: ReadonlyMap<string, SourceConfig>;
  readonly database: DatabaseConfig;
  readonly fcm: FcmConfig;
  readonly api: ApiConfig;
  readonly pageSize: number;
  /** Devices sent and recorded at a time: what a pause may still send, and a crash may repeat. */
  readonly chunkSize: number;
  readonly leaseMs: number;
  /** How often a push is tried before FCM's refusal is final. */
  readonly maxAttempts: number;
  /** The first wait after an error of FCM's; each further one is twice as long. */
  readonly retryMs: number;
  /** The wait after a 429 that does not say how long. */
  readonly quotaRetryMs: number;
  /** Kept back from an invocation's time to record what is in flight and to hand on the rest. */
  readonly reserveMs: number;
}

/** One Firebase project. */
export interface SourceConfig {
  readonly credentials: FcmCredentials;
  /** Null: the project that the service account belongs to. */
  readonly projectId: string | null;
  readonly pace: PaceConfig;
}

export interface PaceConfig {
  /** The messages a minute that a source may send, over all hops of all announcements. */
  readonly perMinute: number;
  /** From nothing to that rate, when the source has been idle; 0: at once. */
  readonly rampMs: number;
}

export type DatabaseConfig =
  | { readonly kind: 'sqlite'; readonly file: string }
  | {
      readonly kind: 'mysql';
      readonly url: string;
      readonly tls: DatabaseTls;
      readonly connections?: number;
    };

/** `rds`: Amazon's certificate authorities. `verify`: those of the system, or the PEM file `ca`. */
export type DatabaseTls =
  | { readonly kind: 'off' }
  | { readonly kind: 'rds' }
  | { readonly kind: 'verify'; readonly ca: string | null };

export interface FcmConfig {
  readonly transport: 'http2' | 'sdk';
  /** `https://…`, or `http://…` for cleartext HTTP/2. */
  readonly endpoint: string;
  /** How long to wait for FCM's answer to one message. */
  readonly timeoutMs: number;
}

/** Who may use the HTTP API; with neither tokens nor the gateway's word, nobody. */
export interface ApiConfig {
  /** The SHA-256 of each token that a caller may bear. */
  readonly tokenDigests: readonly Buffer[];
  /** Whether a caller is let in whom the IAM or JWT authorizer of API Gateway, or of a function URL, has let in. */
  readonly trustsGateway: boolean;
  /** What paths begin with before the routes' own, such as `/baton`; or nothing. */
  readonly basePath: string;
}

export type FcmCredentials =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'inline'; readonly json: string }
  | { readonly kind: 'application-default' }
  | { readonly kind: 'none' };
