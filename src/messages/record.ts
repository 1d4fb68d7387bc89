import type { Context } from '../context.ts';
import { codeOf, PushError } from '../errors.ts';
import type { Delivery } from '../model/delivery.ts';
import type { ClaimedMessage } from '../model/message.ts';
import { divide } from './divide.ts';

/** Records what several callers have sent in one call; what the database refuses of one of them costs the others nothing. */
export async function record(
  { store, gatherer, log }: Context,
  deliveries: readonly Delivery[],
  givenBack: readonly ClaimedMessage[],
): Promise<void> {
  const [result] = await gatherer.join('record', [{ deliveries, givenBack }], (all) =>
    divide(all, async (some) => {
      await store.recordMessages(
        some.flatMap((each) => each.deliveries),
        some.flatMap((each) => each.givenBack),
      );
      return some;
    }),
  );
  if (!(result instanceof PushError)) return;

  const alone = await divide(deliveries, async (some) => {
    await store.recordMessages(some, []);
    return some;
  });
  const refused = deliveries.filter((_, nth) => alone[nth] instanceof PushError);
  // What the push has met must not be lost, or it would be sent again: the ledger takes the verdict without FCM's words.
  const plain = refused.map((each) => ({ ...each, reason: 'UNWRITABLE_REPLY', messageName: null }));
  if (plain.length > 0) log.error('reply not recorded', { deliveries: plain.length, code: codeOf(result) });
  await store.recordMessages(plain, givenBack);
}
