import { recordCheck } from '../alert/record-check.ts';
import type { Context } from '../context.ts';
import { ANSWER_WITHIN_MS, JUDGED, MAX_CANARIES } from '../model/canary.ts';
import type { Notice } from '../model/notice.ts';
import { judgePushes, NO_RECEIPTS } from './notices.ts';

/** How far back a phone is remembered. */
const MAX_AGE_MS = 30 * 86_400_000;

/** A month of daily rounds to the most phones, some broadcasts among them, and no more rows in any case. */
const MAX_PUSHES = 5000;

/** What there is to say about the canaries now. Without any, there is nothing. */
export async function examineCanaries({
  store,
  config,
}: Pick<Context, 'store' | 'config'>): Promise<Notice[]> {
  const phones = await store.fetchCanaries(MAX_CANARIES + 1);
  if (phones.length === 0) return [];
  if (!config.receipts) return [NO_RECEIPTS];
  return judgePushes(phones, await store.fetchCanaryPushes(MAX_AGE_MS, MAX_PUSHES));
}

/**
 * The part of the tick that judges the canaries, once a phone has answered or has had its time. Resolves to 1 if it did. As long
 * as nothing has happened, it is one statement over the pushes of the last day.
 */
export async function judgeCanaries(ctx: Context): Promise<number> {
  if (!(await ctx.store.hasCanaryNews(ANSWER_WITHIN_MS))) return 0;
  await recordCheck(ctx, { kind: 'canary' }, await examineCanaries(ctx), JUDGED);
  return 1;
}
