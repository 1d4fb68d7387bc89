import { type Env, makeReader, type Reader } from './env-reader.ts';
import { type Problem, PushError } from '../errors.ts';
import { digestToken } from '../http/auth.ts';

export type { Env } from './env-reader.ts';

export const STAGES = ['dev', 'staging', 'prod'] as const;
export type Stage = (typeof STAGES)[number];

/** Everything that Baton reads from the environment; `readConfig` has each variable's name and default. */
export interface Config {
  readonly stage: Stage;
  /** The source of whoever does not name one. */
  readonly source: string;
  readonly sources: ReadonlyMap<string, SourceConfig>;
  readonly database: DatabaseConfig;
  readonly fcm: FcmConfig;
  readonly api: ApiConfig;
  readonly pageSize: number;
  /** Devices sent and recorded at a time: what a pause may still send, and a crash may repeat. */
  readonly chunkSize: number;
  readonly leaseMs: number;
  /** How often a push is tried before FCM's refusal is final. */
  readonly maxAttempts: number;
  /** The first wait after an error of FCM's; each further one is twice as long. */
  readonly retryMs: number;
  /** The wait after a 429 that does not say how long. */
  readonly quotaRetryMs: number;
  /** Kept back from an invocation's time to record what is in flight and to hand on the rest. */
  readonly reserveMs: number;
}

/** One Firebase project. */
export interface SourceConfig {
  readonly credentials: FcmCredentials;
  /** Null: the project that the service account belongs to. */
  readonly projectId: string | null;
  readonly pace: PaceConfig;
}

export interface PaceConfig {
  /** The messages a minute that a source may send, over all hops of all announcements. */
  readonly perMinute: number;
  /** From nothing to that rate, when the source has been idle; 0: at once. */
  readonly rampMs: number;
}

export type DatabaseConfig =
  | { readonly kind: 'sqlite'; readonly file: string }
  | {
      readonly kind: 'mysql';
      readonly url: string;
      readonly tls: DatabaseTls;
      readonly connections?: number;
    };

/** `rds`: Amazon's certificate authorities. `verify`: those of the system, or the PEM file `ca`. */
export type DatabaseTls =
  | { readonly kind: 'off' }
  | { readonly kind: 'rds' }
  | { readonly kind: 'verify'; readonly ca: string | null };

export interface FcmConfig {
  readonly transport: 'http2' | 'sdk';
  /** `https://…`, or `http://…` for cleartext HTTP/2. */
  readonly endpoint: string;
  /** How long to wait for FCM's answer to one message. */
  readonly timeoutMs: number;
}

/** Who may use the HTTP API; with neither tokens nor the gateway's word, nobody. */
export interface ApiConfig {
  /** The SHA-256 of each token that a caller may bear. */
  readonly tokenDigests: readonly Buffer[];
  /** Whether a caller is let in whom the IAM or JWT authorizer of API Gateway, or of a function URL, has let in. */
  readonly trustsGateway: boolean;
  /** What paths begin with before the routes' own, such as `/baton`; or nothing. */
  readonly basePath: string;
}

export type FcmCredentials =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'inline'; readonly json: string }
  | { readonly kind: 'application-default' }
  | { readonly kind: 'none' };

/** FCM asks clients to allow a message at least 10 s. https://firebase.google.com/docs/cloud-messaging/scale-fcm */
const FCM_TIMEOUT_MS = 10_000;

/** The waits that FCM asks for, from the same page: after a 500 or 503, and after a 429 without Retry-After. */
const RETRY_MS = 10_000;
const QUOTA_RETRY_MS = 60_000;

/** FCM's default quota for a project, and the ramp that it asks for; both from there. */
const FCM_QUOTA = 600_000;
const FCM_RAMP_SECONDS = 60;

/** A variable of a further source: the end of its name is the source's. */
const SOURCE_VARIABLE = /^FCM_(?:CREDENTIALS|PROJECT_ID|MESSAGES_PER_MINUTE)(_[A-Z0-9_]+)$/;

/** Environment -> Config. One PushError('BAD_CONFIG') names everything that is wrong with it. */
export function parseConfig(env: Env): Config {
  const { config, problems } = readConfig(env);
  if (problems.length > 0) throw PushError.of('BAD_CONFIG', problems);
  return config;
}

/** The same for whoever can do with the rest of it: what is wrong has its default, and is among the problems. */
export function readConfig(env: Env): { config: Config; problems: readonly Problem[] } {
  const read = makeReader(env);
  const config: Config = {
    stage: read.oneOf('STAGE', STAGES, 'dev'),
    source: read.text('FCM_SOURCE', 'default'),
    sources: parseSources(read, env),
    database: parseDatabase(read),
    fcm: {
      transport: read.oneOf('FCM_TRANSPORT', ['http2', 'sdk'], 'http2'),
      endpoint: read.url('FCM_ENDPOINT', 'https://fcm.googleapis.com', ['https:', 'http:']),
      timeoutMs: read.whole('FCM_TIMEOUT_MS', FCM_TIMEOUT_MS, 100, 60_000),
    },
    api: parseApi(read),
    pageSize: read.whole('PAGE_SIZE', 3000, 1, 50_000),
    chunkSize: read.whole('CHUNK_SIZE', 500, 1, 5000),
    leaseMs: read.whole('LEASE_MS', 30_000, 1000, 900_000),
    maxAttempts: read.whole('MAX_ATTEMPTS', 5, 1, 100),
    retryMs: read.whole('RETRY_MS', RETRY_MS, 1, 3_600_000),
    quotaRetryMs: read.whole('QUOTA_RETRY_MS', QUOTA_RETRY_MS, 1, 3_600_000),
    reserveMs: read.whole('DEADLINE_RESERVE_MS', 15_000, 0, 300_000),
  };
  // A chunk takes at most the FCM time-out, and both the lease and the reserve have to outlast it.
  const needed = `more than FCM_TIMEOUT_MS (${config.fcm.timeoutMs})`;
  if (config.leaseMs <= config.fcm.timeoutMs) read.complain('LEASE_MS', needed, String(config.leaseMs));
  if (config.reserveMs <= config.fcm.timeoutMs) {
    read.complain('DEADLINE_RESERVE_MS', needed, String(config.reserveMs));
  }
  return { config, problems: read.problems };
}

/** What `openssl rand -hex 16` prints is long enough; what a person makes up is mostly not. */
const MIN_TOKEN_LENGTH = 24;

function parseApi(read: Reader): ApiConfig {
  const tokens = read
    .text('API_TOKEN', '')
    .split(/[\s,]+/)
    .filter((token) => token !== '');
  for (const { length } of tokens) {
    if (length >= MIN_TOKEN_LENGTH) continue;
    read.complain('API_TOKEN', `tokens of at least ${MIN_TOKEN_LENGTH} characters`, `one of ${length}`);
  }
  const basePath = read.text('API_BASE_PATH', '').replace(/\/$/, '');
  if (!/^(\/[^/?#\s]+)*$/.test(basePath)) {
    read.complain('API_BASE_PATH', 'the beginning of a path, such as /baton', JSON.stringify(basePath));
  }
  return {
    tokenDigests: tokens.map(digestToken),
    trustsGateway: read.oneOf('API_AUTH', ['token', 'gateway'], 'token') === 'gateway',
    basePath,
  };
}

/** Just the database, for commands that push nothing. */
export function parseDatabaseConfig(env: Env): DatabaseConfig {
  const read = makeReader(env);
  const database = parseDatabase(read);
  if (read.problems.length > 0) throw PushError.of('BAD_CONFIG', read.problems);
  return database;
}

function parseDatabase(read: Reader): DatabaseConfig {
  const url = read.text('DATABASE_URL', 'baton.db');
  if (/^(mysql|mariadb):/.test(url)) {
    if (!URL.canParse(url))
      read.complain('DATABASE_URL', 'mysql://user:password@host:3306/database', 'no URL');
    const tls = parseTls(read.text('DATABASE_TLS', 'off'));
    if (read.optional('DATABASE_CONNECTIONS') === null) return { kind: 'mysql', url, tls };
    return { kind: 'mysql', url, tls, connections: read.whole('DATABASE_CONNECTIONS', 1, 1, 1000) };
  }
  // The value may hold a password: an address of another kind is named by its scheme alone.
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(url)?.[1];
  if (scheme) read.complain('DATABASE_URL', 'mysql://… or the path of an SQLite file', `${scheme}://…`);
  return { kind: 'sqlite', file: url };
}

function parseTls(text: string): DatabaseTls {
  switch (text) {
    case 'off':
      return { kind: 'off' };
    case 'rds':
      return { kind: 'rds' };
    case 'verify':
      return { kind: 'verify', ca: null };
    default:
      return { kind: 'verify', ca: text };
  }
}

/**
 * FCM_CREDENTIALS and its like are the source FCM_SOURCE; FCM_CREDENTIALS_SHOP_B and its like are one more, `shop_b`. All
 * have one ramp.
 */
function parseSources(read: Reader, env: Env): Map<string, SourceConfig> {
  const rampMs = read.whole('FCM_RAMP_SECONDS', FCM_RAMP_SECONDS, 0, 3600) * 1000;
  const parseSource = (suffix: string): SourceConfig => ({
    credentials: parseCredentials(read.optional(`FCM_CREDENTIALS${suffix}`)),
    projectId: read.optional(`FCM_PROJECT_ID${suffix}`),
    pace: {
      perMinute: read.whole(`FCM_MESSAGES_PER_MINUTE${suffix}`, FCM_QUOTA, 1, 1_000_000_000),
      rampMs,
    },
  });
  const named = new Set(Object.keys(env).flatMap((name) => SOURCE_VARIABLE.exec(name)?.[1] ?? []));
  const more = Array.from(named, (suffix): [string, SourceConfig] => {
    const source = parseSource(suffix);
    if (source.credentials.kind === 'none') {
      read.complain(
        `FCM_CREDENTIALS${suffix}`,
        'credentials, as for the other variables of this source',
        'nothing',
      );
    }
    return [suffix.slice(1).toLowerCase(), source];
  });
  const own = parseSource('');
  const isGoogles =
    own.credentials.kind === 'none' && read.optional('GOOGLE_APPLICATION_CREDENTIALS') !== null;
  const first: SourceConfig = {
    ...own,
    credentials: isGoogles ? { kind: 'application-default' } : own.credentials,
    projectId: own.projectId ?? read.optional('GOOGLE_CLOUD_PROJECT'),
  };
  return new Map([[read.text('FCM_SOURCE', 'default'), first], ...more]);
}

export function parseCredentials(text: string | null): FcmCredentials {
  if (text === null) return { kind: 'none' };
  if (text === 'application-default') return { kind: 'application-default' };
  return text.trimStart().startsWith('{') ? { kind: 'inline', json: text } : { kind: 'file', path: text };
}
