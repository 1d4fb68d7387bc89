import type { Clock } from '../context.ts';

/** Batch size of the template. A standard queue may have up to 10,000; AWS also ends a batch at 6 MB. */
export const DEFAULT_BATCH = 1000;
export const MAX_BATCH = 10_000;
/** Batches of more than this number need a batching window, of one second or more. */
const MAX_BATCH_WITHOUT_WINDOW = 10;
const WINDOW_MS = 1000;

/** Number of failed deliveries after which the queue gives up a record. */
const MAX_RECEIVES = 50;

const IDLE_MS = 20;

export interface QueuedRecord {
  readonly messageId: string;
  readonly body: string;
  /** The MessageGroupId of a fair queue: it gives a record no order. */
  readonly group: string;
}

export interface QueueOptions {
  /** Records in the order of their delivery; a record that is listed twice is delivered twice. */
  readonly records: readonly QueuedRecord[];
  /** Maximum number of records per batch. */
  readonly batch: number;
  /** Number of batches in flight. */
  readonly pollers: number;
  /** Time until a record that failed is delivered again. */
  readonly visibilityMs: number;
  /** Factor that shortens the batching window. */
  readonly hurry: number;
  /** Invokes the function synchronously; rejects if the function fails. */
  readonly call: (event: object) => Promise<unknown>;
}

export interface QueueReport {
  readonly batches: number;
  /** Number of times that a record failed. */
  readonly returned: number;
  /** Records that failed too often. */
  readonly dead: number;
}

/**
 * `drainQueue` acts as an SQS queue and as Lambda's event source for it, with ReportBatchItemFailures. Resolves when the
 * queue is empty. A batch of more than ten records waits for further records until it is full or its window is over.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export async function drainQueue(
  { clock }: { readonly clock: Pick<Clock, 'now' | 'sleep'> },
  { records, batch: size, pollers, visibilityMs, hurry, call }: QueueOptions,
): Promise<QueueReport> {
  const report = { batches: 0, returned: 0, dead: 0 };
  const ready = records.map((record) => ({ record, receives: 0 }));
  const windowMs = size > MAX_BATCH_WITHOUT_WINDOW ? WINDOW_MS / hurry : 0;
  let open = ready.length;
  const isEmpty = (): boolean => open === 0;

  async function deliver(batch: typeof ready): Promise<void> {
    report.batches++;
    // An invocation that fails leaves all of its records in the queue.
    const failures = await call({ Records: batch.map(({ record }) => sqsRecord(record)) }).then(
      parseFailures,
      () => null,
    );
    for (const entry of batch) {
      if (failures?.has(entry.record.messageId) === false) {
        open--;
        continue;
      }
      report.returned++;
      if (++entry.receives >= MAX_RECEIVES) {
        report.dead++;
        open--;
      } else void clock.sleep(visibilityMs).then(() => ready.push(entry));
    }
  }

  /** Fills a batch; empty if no record arrived within the window. */
  async function fill(): Promise<typeof ready> {
    const batch = ready.splice(0, size);
    const closesAt = clock.now() + windowMs;
    while (batch.length < size && !isEmpty() && clock.now() < closesAt) {
      await clock.sleep(IDLE_MS);
      batch.push(...ready.splice(0, size - batch.length));
    }
    return batch;
  }

  async function poll(): Promise<void> {
    while (!isEmpty()) {
      const batch = await fill();
      await (batch.length > 0 ? deliver(batch) : clock.sleep(IDLE_MS));
    }
  }
  await Promise.all(Array.from({ length: pollers }, poll));
  return report;
}

function sqsRecord({ messageId, body, group }: QueuedRecord): object {
  return {
    messageId,
    body,
    attributes: { MessageGroupId: group },
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:us-east-1:123456789012:local',
  };
}

function parseFailures(reply: unknown): Set<string> {
  const { batchItemFailures } = reply as { batchItemFailures: readonly { itemIdentifier: string }[] };
  return new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
}
