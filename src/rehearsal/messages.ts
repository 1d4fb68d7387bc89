import type { Announcement } from '../model/announcement.ts';
import type { NewMessage, Recipient } from '../model/message.ts';
import type { Store } from '../store.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine, Progress } from '../local/engine.ts';
import { chance } from './fcm/faults.ts';
import { drainQueue, type QueuedRecord } from './queue.ts';

const ROWS_PER_STATEMENT = 2000;
const POLL_MS = 50;

/** Lambda asks for six times the function's time-out; a rehearsal has no time for that, and its leases are as short. */
const VISIBILITY_MS = 30_000;

/** A copy comes so many records later at the most: some in the batch of the first, some while it is being sent. */
const COPY_WITHIN = 40;

/** Of three devices, two are one member's. */
export function memberOf(nthDevice: number): string {
  return `member-${Math.floor((nthDevice * 2) / 3)}`;
}

export interface Recipients {
  readonly recipients: readonly Recipient[];
  /** How many pushes they come to. */
  readonly pushes: number;
}

/** In turn to a device and to a member; one in a thousand to nobody. */
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

/** The run that a tick has made of them. */
export async function untilRun(store: Store): Promise<number> {
  for (;;) {
    const [run] = await store.fetchUnfinished(1);
    if (run) return run.announcementId;
    await sleep(POLL_MS);
  }
}

/** As if all that is in the queue were one announcement. */
export type QueueProgress = Omit<Progress, 'announcement'> & {
  readonly announcement: Pick<Announcement, 'status' | 'statusReason'>;
};

/** Hands the messages over in a queue, some of its records twice; resolves when it is empty. */
export async function workQueue(
  engine: Engine,
  store: Store,
  { recipients }: Recipients,
  {
    seed,
    duplicate,
    workers,
  }: { readonly seed: number; readonly duplicate: number; readonly workers: number },
): Promise<{ progress: QueueProgress; copies: number }> {
  const startedAt = performance.now();
  const records = recipients.map((recipient, nth): QueuedRecord => {
    const { content } = makeMessage(nth, recipient);
    const { title, body } = content;
    return { messageId: `record-${nth}`, body: JSON.stringify({ ...given(recipient), title, body }) };
  });
  const copied = records.flatMap((record, nth) => {
    const isCopied = chance(seed, `copy ${nth}`) < duplicate;
    return isCopied ? [{ record, at: nth + chance(seed, `place ${nth}`) * COPY_WITHIN }] : [];
  });
  const delivered = [...records.map((record, at) => ({ record, at })), ...copied]
    .toSorted((one, other) => one.at - other.at)
    .map(({ record }) => record);
  const { dead } = await drainQueue({
    records: delivered,
    pollers: workers,
    visibilityMs: VISIBILITY_MS / engine.hurry,
    call: (event) => engine.call(event),
  });
  const progress: QueueProgress = {
    announcement: {
      status: dead === 0 ? 'done' : 'failed',
      statusReason: dead === 0 ? null : `${dead} records came back too often`,
    },
    counts: await store.countDeliveries(0),
    hops: { open: 0, closed: 0 },
    lambda: engine.lambda.stats(),
    seconds: (performance.now() - startedAt) / 1000,
  };
  return { progress, copies: copied.length };
}

function makeMessage(nth: number, recipient: Recipient): NewMessage {
  return {
    messageKey: `rehearsal-${nth}`,
    source: 'default',
    recipient,
    ttlSeconds: null,
    content: {
      title: `Order ${nth}`,
      body: 'Nobody sees this one',
      image: null,
      data: {},
      options: {},
    },
  };
}

function given({ deviceId, memberId }: Recipient): object {
  return deviceId === null ? { memberId } : { deviceId };
}
