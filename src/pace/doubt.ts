import type { Context } from '../context.ts';
import { doubt, isTargetRefused } from '../judge/doubt.ts';
import type { Outcome, Push } from '../model/delivery.ts';
import { isInTable } from '../model/device.ts';

/** The answers, with another outcome where the device has moved on. Asks the database only if FCM refuses a target. */
export async function doubtAll<A extends { readonly push: Push; readonly outcome: Outcome }>(
  { store }: Pick<Context, 'store'>,
  answers: readonly A[],
): Promise<readonly A[]> {
  const refused = answers.flatMap(({ push, outcome }) =>
    isTargetRefused(outcome) && isInTable(push) ? [push] : [],
  );
  if (refused.length === 0) return answers;
  const successions = await store.fetchSuccessions(refused);
  return answers.map((answer) => {
    const { push, outcome } = answer;
    const doubted = doubt(push, outcome, successions.get(push.deviceId));
    return doubted === outcome ? answer : { ...answer, outcome: doubted };
  });
}
