import type { Clock } from '../context.ts';
import type { Engine } from '../local/engine.ts';
import type { Progress } from '../local/follow.ts';
import type { Announcement } from '../model/announcement.ts';
import type { NewMessage, Recipient } from '../model/message.ts';
import type { Store } from '../store.ts';
import { chance } from './fcm/faults.ts';
import { BODY } from './made-up.ts';
import type { RehearsalOptions } from './options.ts';
import { drainQueue, type QueuedRecord } from './queue.ts';

const ROWS_PER_STATEMENT = 2000;
const POLL_MS = 50;

/** Visibility time-out of the queue before `hurry`. AWS recommends six times the function's time-out: too long here. */
const VISIBILITY_MS = 30_000;

/**
 * Maximum distance of a copied record from the original, in batches: some copies come in the same batch, some while it is
 * being sent.
 */
const COPY_WITHIN_BATCHES = 4;

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

export async function seedMessages(store: Store, { recipients }: Recipients): Promise<void> {
  for (let first = 0; first < recipients.length; first += ROWS_PER_STATEMENT) {
    const rows = recipients.slice(first, first + ROWS_PER_STATEMENT);
    await store.addMessages(
      rows.map((recipient, nth) => makeMessage(first + nth, recipient)),
      Date.now(),
    );
  }
}

/** `waitForMailing` polls until a tick has made a mailing of the messages; resolves to its announcement id. */
export async function waitForMailing({
  store,
  clock,
}: {
  readonly store: Pick<Store, 'fetchUnfinished'>;
  readonly clock: Pick<Clock, 'sleep'>;
}): Promise<number> {
  for (;;) {
    const [mailing] = await store.fetchUnfinished(1);
    if (mailing) return mailing.announcementId;
    await clock.sleep(POLL_MS);
  }
}

/** Progress of a queue: its messages count as one announcement. */
export type QueueProgress = Omit<Progress, 'announcement'> & {
  readonly announcement: Pick<Announcement, 'status' | 'statusReason'>;
};

/**
 * `sendQueue` delivers the messages to the function as records of a queue, a share of them twice. Resolves when the queue is
 * empty; `copies` is the number of records that were delivered twice.
 */
export async function sendQueue(
  { engine, store }: { readonly engine: Engine; readonly store: Store },
  { recipients }: Recipients,
  { seed, duplicate, workers, batch }: Pick<RehearsalOptions, 'seed' | 'duplicate' | 'workers' | 'batch'>,
): Promise<{ progress: QueueProgress; copies: number }> {
  const { clock, lambda, hurry } = engine;
  const startedAt = clock.now();
  const records = recipients.map((recipient, nth): QueuedRecord => {
    const { title, body } = makeMessage(nth, recipient).content;
    return { messageId: `record-${nth}`, body: JSON.stringify({ ...addressOf(recipient), title, body }) };
  });
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
    counts: await store.countDeliveries(0),
    hops: { open: 0, closed: 0 },
    lambda: lambda.stats(),
    seconds: (clock.now() - startedAt) / 1000,
  };
  return { progress, copies: copies.length };
}

function makeMessage(nth: number, recipient: Recipient): NewMessage {
  return {
    messageKey: `rehearsal-${nth}`,
    source: 'default',
    recipient,
    ttlSeconds: null,
    content: {
      title: `Order ${nth}`,
      body: BODY,
      image: null,
      data: {},
      options: {},
    },
  };
}

/** `addressOf` is the recipient as the fields of a message request. */
function addressOf({ deviceId, memberId }: Recipient): object {
  return deviceId === null ? { memberId } : { deviceId };
}
