import { PushError } from '../errors.ts';
import type { Engine } from '../local/engine.ts';
import type { Progress } from '../local/follow.ts';
import type { Announcement } from '../model/announcement.ts';
import { type Counts, VERDICTS } from '../model/delivery.ts';
import type { NewMessage, Recipient } from '../model/message.ts';
import type { Store } from '../store.ts';
import { chance } from './fcm/faults.ts';
import { type LedgerPart, SINGLE_MESSAGES } from './ledger-lines.ts';
import { BODY } from './made-up.ts';
import type { RehearsalOptions } from './options.ts';
import { drainQueue, type QueuedRecord } from './queue.ts';

const ROWS_PER_STATEMENT = 2000;
const IDS_PER_READ = 10_000;
const POLL_MS = 50;

/** `waitForMailing` gives up after so many ticks of the schedule, but not before `MIN_PATIENCE_MS`. */
const PATIENCE_TICKS = 5;
const TICK_MS = 60_000;
const MIN_PATIENCE_MS = 30_000;

/** Visibility time-out of the queue before `hurry`. AWS recommends six times the function's time-out: too long here. */
const VISIBILITY_MS = 30_000;

/**
 * Maximum distance of a copied record from the original, in batches: some copies come in the same batch, some while it is
 * being sent.
 */
const COPY_WITHIN_BATCHES = 4;

/** The source of every message, and so the group of its record. */
const SOURCE = 'default';

/** `memberOf` gives two of three devices to the same member. */
export function memberOf(nthDevice: number): string {
  return `member-${Math.floor((nthDevice * 2) / 3)}`;
}

export interface Recipients {
  readonly recipients: readonly Recipient[];
  /** Number of pushes that the messages to these recipients make. */
  readonly pushes: number;
}

/** `drawRecipients` alternates between a device and a member; one in a thousand is a member without a device. */
export async function drawRecipients(store: Store, messages: number, devices: number): Promise<Recipients> {
  const ids = (await store.fetchPage(0, null, devices)).map(({ deviceId }) => deviceId);
  const sizes = Map.groupBy(ids.keys(), memberOf);
  const members = [...sizes.keys()];
  let pushes = 0;
  const recipients = Array.from({ length: messages }, (_, nth): Recipient => {
    const half = Math.floor(nth / 2);
    const deviceId = ids[half % ids.length];
    const memberId = nth % 1000 === 999 ? 'nobody' : (members[half % members.length] ?? 'nobody');
    const isToDevice = nth % 2 === 0 && deviceId !== undefined;
    pushes += isToDevice ? 1 : (sizes.get(memberId)?.length ?? 1);
    return isToDevice ? { deviceId, memberId: null } : { deviceId: null, memberId };
  });
  return { recipients, pushes };
}

/** `seedMessages` resolves to the id of the newest announcement before: the mailing of these messages gets a larger one. */
export async function seedMessages(store: Store, { recipients }: Recipients): Promise<number> {
  const [newest] = await store.fetchLatest(1);
  // An earlier rehearsal in this database has sent messages too: a key that it used would be the same message.
  const rehearsal = crypto.randomUUID();
  for (let first = 0; first < recipients.length; first += ROWS_PER_STATEMENT) {
    const rows = recipients.slice(first, first + ROWS_PER_STATEMENT);
    await store.addMessages(
      rows.map((recipient, nth) => ({
        messageKey: `${rehearsal}-${first + nth}`,
        source: SOURCE,
        recipient,
        ttlSeconds: null,
        content: { ...textOf(first + nth), image: null, data: {}, options: {} },
      })),
      Date.now(),
    );
  }
  return newest?.announcementId ?? 0;
}

/**
 * `waitForMailing` polls until a tick has made a mailing of the messages, whose id is larger than `afterId`; resolves to that
 * id. A small mailing may have ended before the first poll. PushError('OUT_OF_TIME') if several ticks make none.
 */
export async function waitForMailing(
  { clock, hurry }: Pick<Engine, 'clock' | 'hurry'>,
  store: Pick<Store, 'fetchLatest'>,
  afterId: number,
): Promise<number> {
  const patienceMs = Math.max(MIN_PATIENCE_MS, (PATIENCE_TICKS * TICK_MS) / hurry);
  for (const startedAt = clock.now(); clock.now() - startedAt < patienceMs; await clock.sleep(POLL_MS)) {
    const [newest] = await store.fetchLatest(1);
    // A tick inserts a mailing as a draft, which it deletes again if another tick was faster.
    if (newest && newest.announcementId > afterId && newest.status !== 'draft') return newest.announcementId;
  }
  const message = `no tick made a mailing of the messages in ${patienceMs / 1000} s: --verbose shows what the ticks log`;
  throw new PushError('OUT_OF_TIME', message);
}

/** Progress of a queue: its messages count as one announcement. */
export type QueueProgress = Omit<Progress, 'announcement'> & {
  readonly announcement: Pick<Announcement, 'status' | 'statusReason'>;
};

/**
 * `sendQueue` delivers the messages to the function as records of a queue, a share of them twice. Resolves when the queue is
 * empty; `copies` is the number of records that were delivered twice. What an earlier rehearsal in this database has sent is
 * not counted.
 */
export async function sendQueue(
  { engine, store }: { readonly engine: Engine; readonly store: Store },
  { recipients }: Recipients,
  { seed, duplicate, workers, batch }: Pick<RehearsalOptions, 'seed' | 'duplicate' | 'workers' | 'batch'>,
): Promise<{ parts: readonly LedgerPart[]; progress: QueueProgress; copies: number }> {
  const { clock, lambda, hurry } = engine;
  const startedAt = clock.now();
  const earlier = { counts: await store.countDeliveries(0), lastId: await fetchLastId(store) };
  const rehearsal = crypto.randomUUID();
  const records = recipients.map((recipient, nth): QueuedRecord => ({
    messageId: `${rehearsal}-${nth}`,
    body: JSON.stringify({ ...addressOf(recipient), ...textOf(nth) }),
    group: SOURCE,
  }));
  const copies = records.flatMap((record, nth) => {
    const isCopied = chance(seed, `copy ${nth}`) < duplicate;
    const distance = chance(seed, `place ${nth}`) * COPY_WITHIN_BATCHES * batch;
    return isCopied ? [{ record, at: nth + distance }] : [];
  });
  const queue = [...records.map((record, at) => ({ record, at })), ...copies]
    .toSorted((one, other) => one.at - other.at)
    .map(({ record }) => record);
  const { dead } = await drainQueue(engine, {
    records: queue,
    batch,
    pollers: workers,
    visibilityMs: VISIBILITY_MS / hurry,
    hurry,
    call: (event) => engine.call(event),
  });
  const progress: QueueProgress = {
    announcement: {
      status: dead === 0 ? 'done' : 'failed',
      statusReason: dead === 0 ? null : `${dead} records of the queue failed too often`,
    },
    counts: subtract(await store.countDeliveries(0), earlier.counts),
    hops: { open: 0, closed: 0 },
    lambda: lambda.stats(),
    seconds: (clock.now() - startedAt) / 1000,
  };
  const parts = [{ ...SINGLE_MESSAGES, fromId: earlier.lastId + 1 }];
  return { parts, progress, copies: copies.length };
}

/** The id of the last message that belongs to no announcement; 0: there is none. */
async function fetchLastId(store: Pick<Store, 'fetchMessageIds'>): Promise<number> {
  for (let lastId = 0; ;) {
    const key = { announcementId: 0, round: 0, fromId: lastId + 1 };
    const next = (await store.fetchMessageIds(key, null, IDS_PER_READ)).at(-1);
    if (next === undefined) return lastId;
    lastId = next;
  }
}

function subtract(counts: Counts, earlier: Counts): Counts {
  const rest = VERDICTS.map((verdict) => [verdict, counts[verdict] - earlier[verdict]] as const);
  return Object.fromEntries(rest) as Counts;
}

function textOf(nth: number): Pick<NewMessage['content'], 'title' | 'body'> {
  return { title: `Order ${nth}`, body: BODY };
}

/** `addressOf` is the recipient as the fields of a message request. */
function addressOf({ deviceId, memberId }: Recipient): object {
  return deviceId === null ? { memberId } : { deviceId };
}
