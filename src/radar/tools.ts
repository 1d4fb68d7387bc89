import type { Config } from '../config/config.ts';
import type { Clock } from '../context.ts';
import { fetchDeliveryData } from '../receipts/delivery-data.ts';
import { fetchCertificates } from './certificates.ts';
import { fetchDiscovery } from './discovery.ts';
import type { RadarTools } from './part.ts';
import { fetchRunning } from './running.ts';

/** What the radar looks with outside of tests: this process, FCM's endpoint, Google, and the database. */
export async function makeRadarTools(
  config: Config,
  clock: Clock,
  openStore: RadarTools['openStore'],
): Promise<RadarTools> {
  return {
    config,
    clock,
    openStore,
    running: await fetchRunning(),
    fetchDiscovery: () => fetchDiscovery(config.fcm.endpoint, clock),
    fetchCertificates: (email) => fetchCertificates(email, clock),
    fetchDeliveryData: (source) => fetchDeliveryData(config, source, clock),
  };
}
