import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';
import type { MessagesJob } from '../job.ts';
import { logOutcome, logRefusals, parseParcel, type Refusal } from './parcel.ts';
import { sendMessages } from './send.ts';

/** What became of the messages in one record of a topic or a bus. Counts alone: a reply of Lambda is bounded. */
export interface MessagesReport {
  readonly kind: 'messages';
  readonly delivered: number;
  /** Messages that FCM rejects or that reach no device: the ledger has them. */
  readonly undelivered: number;
  /** Messages that can never be sent as they are: no ledger has them. */
  readonly refused: number;
  /** The first of the refusals. */
  readonly refusals: readonly Refusal[];
}

/**
 * Sends the messages of one record at once. PushError('NOT_SENT') if one of them is worth sending again: the same record then
 * sends only what has not arrived, because the messages' keys are made of the record's.
 */
export async function runMessages(ctx: Context, { recordKey, body }: MessagesJob): Promise<MessagesReport> {
  const parcel = parseParcel(ctx.config, body, recordKey);
  const { messages, refused, refusals } = parcel;
  const name = { recordId: recordKey };
  logRefusals(ctx, name, parcel);
  const reports = await sendMessages(ctx, messages);
  for (const report of reports) logOutcome(ctx, name, report);
  const again = reports.filter(({ retryInMs }) => retryInMs !== null).length;
  ctx.log.info('record of messages ended', { ...name, messages: messages.length, refused, again });
  if (again > 0) {
    const got = `${again} of ${messages.length} to send again`;
    throw PushError.of('NOT_SENT', [{ field: 'messages', expected: 'a final outcome for each', got }]);
  }
  const delivered = reports.filter(({ verdict }) => verdict === 'delivered').length;
  return { kind: 'messages', delivered, undelivered: reports.length - delivered, refused, refusals };
}
