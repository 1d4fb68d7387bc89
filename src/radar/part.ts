import type { Config } from '../config/config.ts';
import type { Clock } from '../context.ts';
import type { Notice } from '../model/notice.ts';
import type { Store } from '../store.ts';
import type { Running } from './running.ts';

/** What the radar looks with. */
export interface RadarTools {
  readonly config: Pick<Config, 'fcm' | 'sources' | 'baseImage'>;
  readonly clock: Clock;
  /** Rejects if the database cannot be reached. */
  readonly openStore: () => Promise<
    Pick<
      Store,
      'fetchServer' | 'fetchSignals' | 'recordSignals' | 'fetchLatest' | 'fetchTotals' | 'fetchAnnouncement'
    >
  >;
  readonly running: Running;
  /** Fetches FCM's description of its own API. */
  readonly fetchDiscovery: () => Promise<unknown>;
  /** Fetches the certificates of a service account's keys, by key id, from Google. */
  readonly fetchCertificates: (email: string) => Promise<ReadonlyMap<string, string>>;
}

/** The result of one part. */
export interface Finding {
  /** False: what was looked at has no date that is known. */
  readonly hasVerdict: boolean;
  /** What was looked at. */
  readonly says: string;
  readonly notices: readonly Notice[];
}

/** One thing that the radar looks at. */
export interface RadarPart {
  readonly name: string;
  /** How the names of its notices begin. */
  readonly prefixes: readonly string[];
  /** True: it is about the process that looks, or its settings, and not about the function: a terminal does not record it. */
  readonly isOfProcess?: boolean;
  /** Looks. If it throws, it could not look, and what it found before stands. */
  readonly look: (tools: RadarTools) => Promise<Finding>;
}
