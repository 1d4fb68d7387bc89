import { answerCanaries } from '../canary/answers.ts';
import type { Context } from '../context.ts';
import { ROUND_PREFIX } from '../model/canary.ts';
import { parseBatonId, type Receipt, type ReceiptEvent } from '../model/receipt.ts';

/** A receipt as a phone sends it. */
export interface SentReceipt {
  /** What the push carries as `baton_id`. */
  readonly id: string;
  /** For a receipt that names the announcement and the message apart. */
  readonly messageId?: number | null | undefined;
  readonly target: string;
  readonly event: ReceiptEvent;
}

/**
 * Takes the receipts of one request. Requests that arrive at the same time share their statements. Nothing here says whether
 * a push or a device is known: the log and the metrics alone count what is not.
 */
export async function takeReceipts(ctx: Context, sent: readonly SentReceipt[]): Promise<void> {
  const answers = sent.filter(({ id }) => id.startsWith(ROUND_PREFIX));
  const receipts = sent.flatMap((each): Receipt[] => {
    const push = parseBatonId(idOf(each));
    return push === null ? [] : [{ ...push, target: each.target, event: each.event }];
  });
  const unread = sent.length - answers.length - receipts.length;
  if (unread > 0) report(ctx, { counted: 0, repeated: 0, unknown: unread });
  if (answers.length > 0)
    await answerCanaries(
      ctx,
      answers.map(({ id: round, target }) => ({ round, target })),
    );
  if (receipts.length > 0) await ctx.gatherer.join('receipts', receipts, (all) => record(ctx, all));
}

function idOf({ id, messageId }: SentReceipt): string {
  return messageId === undefined || messageId === null || messageId === 0 || id.includes('.')
    ? id
    : `${id}.${messageId}`;
}

async function record(ctx: Context, receipts: readonly Receipt[]): Promise<readonly Receipt[]> {
  const fates = await ctx.store.recordReceipts(receipts);
  const count = (wanted: string): number => fates.filter((fate) => fate === wanted).length;
  report(ctx, { counted: count('counted'), repeated: count('repeated'), unknown: count('unknown') });
  return receipts;
}

function report(
  { log, metrics }: Pick<Context, 'log' | 'metrics'>,
  counts: { readonly counted: number; readonly repeated: number; readonly unknown: number },
): void {
  log.info('receipts taken', counts);
  metrics.record({ ReceiptsCounted: counts.counted, ReceiptsUnknown: counts.unknown });
}
