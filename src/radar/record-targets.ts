import type { Context } from '../context.ts';
import type { KindCounts } from '../model/device.ts';
import { TARGETS_SIGNAL } from '../model/targets.ts';

/** Records how many devices have a token and how many a FID today, for the trend. */
export async function recordTargets({ store }: Pick<Context, 'store'>): Promise<KindCounts> {
  const counts = await store.countKinds();
  await store.recordSignals([{ ...TARGETS_SIGNAL, value: JSON.stringify(counts) }]);
  return counts;
}
