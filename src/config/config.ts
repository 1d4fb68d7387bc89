import type { Problem } from '../errors.ts';
import type { CheckName } from '../model/notice.ts';
import { type AlertsConfig, readAlerts } from './alerts.ts';
import { type ApiConfig, readApi } from './api.ts';
import { type DatabaseConfig, readDatabase } from './database.ts';
import { readChecks } from './checks.ts';
import { type Env, makeReader, refuseProblems } from './env-reader.ts';
import { readRecords, type RecordsConfig } from './records.ts';
import { findSource, type PaceConfig, readSourceName, readSources, type SourceConfig } from './sources.ts';
import { MAX_RETENTION_DAYS } from './variables.ts';

export type { AlertsConfig, WebhookConfig } from './alerts.ts';
export type { ApiConfig, ApiToken, ApiTokens } from './api.ts';
export { type DatabaseConfig, type DatabaseTls, parseDatabaseConfig } from './database.ts';
export type { Env } from './env-reader.ts';
export { type FcmCredentials, parseCredentials } from './credentials.ts';
export type { PaceConfig, SourceConfig } from './sources.ts';

export const STAGES = ['dev', 'staging', 'prod'] as const;
export type Stage = (typeof STAGES)[number];

/** Everything that Baton reads from the environment. variables.ts has the name and the default of each variable. */
export interface Config {
  readonly stage: Stage;
  /** The source of announcements and messages that name none. */
  readonly source: string;
  readonly sources: ReadonlyMap<string, SourceConfig>;
  readonly database: DatabaseConfig;
  readonly fcm: FcmConfig;
  readonly api: ApiConfig;
  readonly queue: QueueConfig;
  readonly records: RecordsConfig;
  readonly alerts: AlertsConfig;
  /** The checks that the tick starts. */
  readonly checks: readonly CheckName[];
  /** Devices per hop. */
  readonly pageSize: number;
  /** Pushes that a hop may have in flight or unrecorded at a time: as many may a crash repeat. */
  readonly maxWindow: number;
  /** Answers that are recorded and judged together, at most; an announcement's canary is as large. */
  readonly batchSize: number;
  /** Invocations that may run at the same time; 0: no limit that Baton knows of. */
  readonly concurrency: number;
  /** Milliseconds that a claimed hop stays reserved after its last recorded answers. */
  readonly leaseMs: number;
  /** Attempts per push before FCM's refusal is final. */
  readonly maxAttempts: number;
  /** Milliseconds of the first wait after an error of FCM; each further wait is twice as long. */
  readonly retryMs: number;
  /** Milliseconds of the wait after a 429 without Retry-After. */
  readonly quotaRetryMs: number;
  /** The last milliseconds of an invocation, kept to record the pushes in flight and to hand on the rest. */
  readonly reserveMs: number;
  /** Days after its end that an announcement's deliveries are kept; 0: for ever. */
  readonly retentionDays: number;
  /** At a terminal, a push to more devices than this is confirmed first. */
  readonly confirmAbove: number;
  /** A broadcast to more devices than this has a round of canaries of its own; 0: none has. */
  readonly canaryAbove: number;
  /** The base image that the image was built from; null: not running from an image. */
  readonly baseImage: string | null;
  /** Whether a broadcast starts only if a second person has approved it. */
  readonly approval: Approval;
  /** True: pushes carry `baton_id`, and the HTTP API takes receipts for them. */
  readonly receipts: boolean;
}

export const APPROVALS = ['off', 'required'] as const;
export type Approval = (typeof APPROVALS)[number];

/** Words for what becomes of a queue's record that Baton refuses. */
const REFUSED = ['return', 'drop'] as const;

export interface QueueConfig {
  /** `return`: it goes back to the queue, which moves it to its dead-letter queue; `drop`: it is logged and deleted. */
  readonly refused: (typeof REFUSED)[number];
}

export interface FcmConfig {
  readonly transport: 'http2' | 'sdk';
  /** `https://…`, or `http://…` for HTTP/2 without TLS. */
  readonly endpoint: string;
  /** The address of FCM's Data API. */
  readonly dataEndpoint: string;
  /** Milliseconds to wait for FCM's answer to one message. */
  readonly timeoutMs: number;
}

/** Parses the environment. One PushError('BAD_CONFIG') names everything that is wrong with it. */
export function parseConfig(env: Env): Config {
  const { config, problems } = readConfig(env);
  refuseProblems(problems);
  return config;
}

/** The pace of a source that is not configured: that of the defaults. */
export function defaultPace(): PaceConfig {
  const { config } = readConfig({});
  return findSource(config, config.source).pace;
}

/** Reads what can be read of the environment: an invalid variable has its default, and is among the problems. */
export function readConfig(env: Env): { config: Config; problems: readonly Problem[] } {
  const read = makeReader(env);
  const source = readSourceName(read);
  const config: Config = {
    stage: read.oneOf('STAGE', STAGES),
    source,
    sources: readSources(read, env, source),
    database: readDatabase(read),
    fcm: {
      transport: read.oneOf('FCM_TRANSPORT', ['http2', 'sdk']),
      endpoint: read.url('FCM_ENDPOINT', ['https:', 'http:']),
      dataEndpoint: read.url('FCM_DATA_ENDPOINT', ['https:', 'http:']),
      timeoutMs: read.whole('FCM_TIMEOUT_MS', 100, 60_000),
    },
    api: readApi(read),
    queue: { refused: read.oneOf('QUEUE_REFUSED', REFUSED) },
    records: readRecords(read),
    alerts: readAlerts(read),
    checks: readChecks(read),
    pageSize: read.whole('PAGE_SIZE', 1, 50_000),
    maxWindow: read.whole('WINDOW', 1, 10_000),
    batchSize: read.whole('BATCH_SIZE', 1, 5000),
    concurrency: read.whole('MAX_CONCURRENCY', 0, 100_000),
    leaseMs: read.whole('LEASE_MS', 1000, 900_000),
    maxAttempts: read.whole('MAX_ATTEMPTS', 1, 100),
    retryMs: read.whole('RETRY_MS', 1, 3_600_000),
    quotaRetryMs: read.whole('QUOTA_RETRY_MS', 1, 3_600_000),
    reserveMs: read.whole('DEADLINE_RESERVE_MS', 0, 300_000),
    retentionDays: read.whole('RETENTION_DAYS', 0, MAX_RETENTION_DAYS),
    confirmAbove: read.whole('CONFIRM_ABOVE', 0, 1_000_000_000),
    canaryAbove: read.whole('CANARY_ABOVE', 0, 1_000_000_000),
    approval: read.oneOf('APPROVAL', APPROVALS),
    receipts: read.oneOf('RECEIPTS', ['off', 'on']) === 'on',
    baseImage: read.optional('BASE_IMAGE'),
  };
  // An answer takes at most the FCM time-out, and both the lease and the reserve have to outlast it.
  const expected = `more than FCM_TIMEOUT_MS (${config.fcm.timeoutMs})`;
  if (config.leaseMs <= config.fcm.timeoutMs) read.complain('LEASE_MS', expected, String(config.leaseMs));
  if (config.reserveMs <= config.fcm.timeoutMs) {
    read.complain('DEADLINE_RESERVE_MS', expected, String(config.reserveMs));
  }
  return { config, problems: read.problems };
}
