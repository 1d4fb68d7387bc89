import { setTimeout as sleep } from 'node:timers/promises';

/** What an event source takes at a time unless it is told otherwise, and how often a queue delivers before it gives up. */
const RECORDS_PER_BATCH = 10;
const MAX_RECEIVES = 50;

const IDLE_MS = 20;

export interface QueuedRecord {
  readonly messageId: string;
  readonly body: string;
}

export interface LocalQueueOptions {
  /** Delivered in this order; one that is there twice is delivered twice. */
  readonly records: readonly QueuedRecord[];
  /** Batches at a time. */
  readonly pollers: number;
  /** How long a record that was not taken stays away. */
  readonly visibilityMs: number;
  /** A synchronous invoke; rejects if the function fails. */
  readonly call: (event: object) => Promise<unknown>;
}

export interface QueueTally {
  batches: number;
  /** Records that came back. */
  returned: number;
  /** Records that came back too often. */
  dead: number;
}

/**
 * An SQS queue and Lambda's event source for it, with ReportBatchItemFailures; resolves when the queue is empty.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export async function drainQueue(options: LocalQueueOptions): Promise<QueueTally> {
  const { records, pollers, visibilityMs, call } = options;
  const tally: QueueTally = { batches: 0, returned: 0, dead: 0 };
  const ready = records.map((record) => ({ record, receives: 0 }));
  let open = ready.length;

  async function deliver(batch: typeof ready): Promise<void> {
    tally.batches++;
    const failed = await call({ Records: batch.map(({ record }) => sqsRecord(record)) }).then(
      failuresIn,
      // A run that fails has taken none of its records.
      () => null,
    );
    const [back, done] = partition(batch, ({ record }) => failed?.has(record.messageId) ?? true);
    open -= done.length;
    for (const each of back) {
      tally.returned++;
      if (++each.receives >= MAX_RECEIVES) {
        tally.dead++;
        open--;
      } else setTimeout(() => ready.push(each), visibilityMs);
    }
  }

  async function poll(): Promise<void> {
    while (open > 0) {
      const batch = ready.splice(0, RECORDS_PER_BATCH);
      await (batch.length > 0 ? deliver(batch) : sleep(IDLE_MS));
    }
  }
  await Promise.all(Array.from({ length: pollers }, poll));
  return tally;
}

function sqsRecord(record: QueuedRecord): object {
  return { ...record, eventSource: 'aws:sqs', eventSourceARN: 'arn:aws:sqs:us-east-1:123456789012:local' };
}

function failuresIn(reply: unknown): Set<string> {
  const { batchItemFailures } = reply as { batchItemFailures: readonly { itemIdentifier: string }[] };
  return new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
}

function partition<T>(all: readonly T[], test: (each: T) => boolean): [T[], T[]] {
  return [all.filter(test), all.filter((each) => !test(each))];
}
