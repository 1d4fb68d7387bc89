import type { Config, DatabaseConfig, DatabaseTls, FcmCredentials, Stage } from './context.ts';
import { type Problem, PushError } from './errors.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** FCM asks clients to allow a message at least 10 s. https://firebase.google.com/docs/cloud-messaging/scale-fcm */
const FCM_TIMEOUT_MS = 10_000;

/** The waits that FCM asks for, from the same page: after a 500 or 503, and after a 429 without Retry-After. */
const RETRY_MS = 10_000;
const QUOTA_RETRY_MS = 60_000;

/** FCM's default quota for a project, and the ramp that it asks for; both from there. */
const FCM_QUOTA = 600_000;
const FCM_RAMP_SECONDS = 60;

/** Environment -> Config. One PushError('BAD_CONFIG') names everything that is wrong with it. */
export function parseConfig(env: Env): Config {
  const read = makeReader(env);
  const config: Config = {
    stage: read.oneOf('STAGE', ['dev', 'staging', 'prod'] satisfies Stage[], 'dev'),
    source: read.text('FCM_SOURCE', 'default'),
    database: parseDatabase(read),
    fcm: {
      transport: read.oneOf('FCM_TRANSPORT', ['http2', 'sdk'], 'http2'),
      endpoint: read.url('FCM_ENDPOINT', 'https://fcm.googleapis.com', ['https:', 'http:']),
      projectId: read.optional('FCM_PROJECT_ID') ?? read.optional('GOOGLE_CLOUD_PROJECT'),
      credentials: parseCredentials(read),
      timeoutMs: read.whole('FCM_TIMEOUT_MS', FCM_TIMEOUT_MS, 100, 60_000),
    },
    pace: {
      perMinute: read.whole('FCM_MESSAGES_PER_MINUTE', FCM_QUOTA, 1, 1_000_000_000),
      rampMs: read.whole('FCM_RAMP_SECONDS', FCM_RAMP_SECONDS, 0, 3600) * 1000,
    },
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
  if (read.problems.length > 0) throw PushError.of('BAD_CONFIG', read.problems);
  return config;
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
    return { kind: 'mysql', url, tls: parseTls(read.text('DATABASE_TLS', 'off')) };
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

function parseCredentials(read: Reader): FcmCredentials {
  const text = read.optional('FCM_CREDENTIALS');
  if (text === 'application-default') return { kind: 'application-default' };
  if (text?.trimStart().startsWith('{')) return { kind: 'inline', json: text };
  if (text) return { kind: 'file', path: text };
  return read.optional('GOOGLE_APPLICATION_CREDENTIALS') ? { kind: 'application-default' } : { kind: 'none' };
}

type Reader = ReturnType<typeof makeReader>;

function makeReader(env: Env) {
  const problems: Problem[] = [];
  const complain = (field: string, expected: string, came: string): void => {
    problems.push({ field, expected, came });
  };
  /** An empty variable counts as absent: that is how shells and templates unset one. */
  const optional = (name: string): string | null => env[name] || null;
  const text = (name: string, fallback: string): string => optional(name) ?? fallback;

  return {
    problems,
    complain,
    optional,
    text,
    oneOf<T extends string>(name: string, choices: readonly T[], fallback: T): T {
      const value = text(name, fallback);
      const choice = choices.find((each) => each === value);
      if (choice === undefined) complain(name, `one of ${choices.join(', ')}`, JSON.stringify(value));
      return choice ?? fallback;
    },
    whole(name: string, fallback: number, min: number, max: number): number {
      const value = text(name, String(fallback));
      const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
      if (number >= min && number <= max) return number;
      complain(name, `a whole number from ${min} to ${max}`, JSON.stringify(value));
      return fallback;
    },
    url(name: string, fallback: string, protocols: readonly string[]): string {
      const value = text(name, fallback);
      const url = URL.parse(value);
      if (url && protocols.includes(url.protocol)) return url.origin;
      complain(name, `an address beginning with ${protocols.join('// or ')}//`, JSON.stringify(value));
      return fallback;
    },
  };
}
