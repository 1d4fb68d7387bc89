import { hash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Env } from '../config/config.ts';
import type { RehearsalOptions } from './options.ts';

/** `functionEnvironment` makes the variables that the function would have on Lambda; only the waits are shorter. */
export function functionEnvironment(
  {
    transport,
    pageSize,
    window,
    workers,
    hurry,
    budgetPerMinute,
    quotaPerMinute,
    rampSeconds,
    canaries,
  }: RehearsalOptions,
  databaseUrl: string,
  env: Env,
): Record<string, string> {
  return {
    DATABASE_URL: databaseUrl,
    DATABASE_TLS: env['DATABASE_TLS'] ?? '',
    FCM_TRANSPORT: transport,
    PAGE_SIZE: String(pageSize),
    WINDOW: String(window),
    MAX_CONCURRENCY: String(workers),
    FCM_MESSAGES_PER_MINUTE: String(budgetPerMinute ?? quotaPerMinute),
    FCM_RAMP_SECONDS: String(Math.ceil(rampSeconds / hurry)),
    // Nothing but the rehearsal itself takes workers.
    CHECKS: 'none',
    ...(canaries > 0 ? { RECEIPTS: 'on' } : {}),
    ...shortenWaits(hurry),
  };
}

/**
 * `shortenWaits` divides Baton's waits by `hurry`. A lease outlasts FCM's answer, and both outlast a busy machine: they are
 * not shortened below 6 s and 2 s. A worker that gets no CPU for longer than its lease is taken for dead, and its pushes in
 * flight are sent again.
 */
function shortenWaits(hurry: number): Record<string, string> {
  const waits = {
    FCM_TIMEOUT_MS: Math.max(2000, 12_000 / hurry),
    LEASE_MS: Math.max(6000, 30_000 / hurry),
    DEADLINE_RESERVE_MS: Math.max(3000, 15_000 / hurry),
    RETRY_MS: 10_000 / hurry,
    QUOTA_RETRY_MS: 60_000 / hurry,
  };
  return Object.fromEntries(Object.entries(waits).map(([name, ms]) => [name, String(Math.ceil(ms))]));
}

export function databaseUrlOf({ database }: Pick<RehearsalOptions, 'database'>, folder: string): string {
  if (database === null) return join(folder, 'baton.db');
  return database.includes('://') ? database : resolve(database);
}

/**
 * `acceptedLogFile` is the sandbox's log for a database. It outlives this process, so that `resume` finds both. Its name has
 * nothing of the user and the password: not even as a digest, from which a short password can be guessed.
 */
export function acceptedLogFile(database: string): string {
  const url = URL.parse(database);
  if (url === null || !database.includes('://')) return `${resolve(database)}.accepted.log`;
  return join(tmpdir(), `baton-rehearsal-${hash('md5', `${url.host}${url.pathname}`)}.accepted.log`);
}
