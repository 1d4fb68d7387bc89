import { parseConfig } from '../../src/config/config.ts';
import type { DatabaseServer } from '../../src/model/database-server.ts';
import type { NewSignal, Signal } from '../../src/model/signal.ts';
import type { RadarTools } from '../../src/radar/part.ts';
import { makeDiscovery } from '../../src/rehearsal/fcm/discovery.ts';
import { clockThatSays } from '../support/clock.ts';

export const TODAY = Date.UTC(2026, 10, 26);
export const DAY = 86_400_000;

export interface TestTools extends RadarTools {
  readonly signals: NewSignal[];
}

/** The tools of a stack that is as it should be, on the day that `now` says. */
export function makeTools(
  now: () => number,
  {
    env = {},
    server = MYSQL,
    ...tools
  }: Partial<RadarTools> & {
    env?: Record<string, string>;
    server?: DatabaseServer;
  } = {},
): TestTools {
  const signals: Signal[] = [];
  return {
    signals,
    config: parseConfig({ BASE_IMAGE: 'public.ecr.aws/lambda/nodejs:24.2026.09.24.14', ...env }),
    clock: clockThatSays(now),
    running: { node: 'v24.21.0', amazonLinux: '2023', firebaseAdmin: '14.5.1' },
    fetchDiscovery: async () => JSON.parse(makeDiscovery()) as unknown,
    fetchCertificates: async () => new Map(),
    fetchDeliveryData: async () => [],
    openStore: async () => ({
      fetchServer: async () => server,
      fetchLatest: async () => [],
      fetchTotals: async () => new Map(),
      fetchAnnouncement: async () => null,
      fetchSignals: async (kind) => signals.filter((signal) => signal.kind === kind),
      async recordSignals(added) {
        for (const signal of added) signals.push({ day: '', times: 1, seenAt: now(), ...signal });
      },
    }),
    ...tools,
  };
}

export const MYSQL: DatabaseServer = { kind: 'mysql', version: '8.4.9', host: 'rds' };
