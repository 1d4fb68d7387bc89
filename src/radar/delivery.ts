import { describeFailure } from '../errors.ts';
import { toSignal } from '../model/delivery-data.ts';
import { countOf } from '../words.ts';
import type { Finding, RadarTools } from './part.ts';

/**
 * Records what FCM's Data API says of each source whose Android apps are known. It is nothing that retires: an API that cannot be
 * asked is no notice.
 */
export async function recordDelivery({
  config,
  openStore,
  fetchDeliveryData,
}: Pick<RadarTools, 'openStore' | 'fetchDeliveryData'> & {
  readonly config: Pick<RadarTools['config'], 'sources'>;
}): Promise<Finding> {
  const sources = [...config.sources].filter(([, { androidApps }]) => androidApps.length > 0);
  if (sources.length === 0) return { hasVerdict: true, says: 'FCM_ANDROID_APPS names no app', notices: [] };
  const store = await openStore();
  const words: string[] = [];
  let hasVerdict = true;
  for (const [source] of sources) {
    try {
      const days = await fetchDeliveryData(source);
      await store.recordSignals(days.map((day) => toSignal(source, day)));
      words.push(`${source}: ${countOf(days.length, 'entry', 'entries')}, each of a label and a day`);
    } catch (error) {
      hasVerdict = false;
      words.push(
        `${source}: ${(describeFailure(error).split('\n')[0] ?? '').replace(/^(?:Push)?Error: /, '')}`,
      );
    }
  }
  return { hasVerdict, says: words.join('; '), notices: [] };
}
