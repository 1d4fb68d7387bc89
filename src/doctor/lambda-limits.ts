import type { Config } from '../config/config.ts';
import { type Finding, green, red } from './check.ts';

/** Lambda gives a function of this size one full vCPU. */
const FULL_CPU_MB = 1769;
/** More than Node and a worker with a page of 3000 devices use together. */
const MIN_MEMORY_MB = 512;

/** Milliseconds of a chunk, with FCM's answers and their recording: a cautious estimate. */
const CHUNK_MS = 500;

/**
 * Judges the reserved concurrency (null: none is reserved). If it is too small, the next hop queues behind this one; with 1,
 * an invocation waits for itself.
 */
export function judgeConcurrency(
  reserved: number | null,
  { sources, pageSize, chunkSize }: Pick<Config, 'sources' | 'pageSize' | 'chunkSize'>,
): Finding {
  const hopMs = Math.ceil(pageSize / chunkSize) * CHUNK_MS;
  const needed = [...sources.values()].reduce((sum, { pace }) => {
    const slotMs = (pageSize / pace.perMinute) * 60_000;
    // The invocations that send, and the one that waits for its slot.
    return sum + Math.max(1, Math.ceil(hopMs / slotMs)) + 1;
  }, 0);
  const advice = `reserve ${needed} or more, or nothing (\`aws lambda delete-function-concurrency\`)`;
  if (reserved === null) return green(`nothing reserved; about ${needed} of the account's are enough`);
  if (reserved === 0) return red('0 reserved: the function is stopped', advice);
  if (reserved >= needed) return green(`${reserved} reserved, about ${needed} are enough`);
  return red(`${reserved} reserved, but the budgets need about ${needed}`, advice);
}

export function judgeTimeout(seconds: number, { leaseMs, reserveMs, fcm }: Config): Finding {
  const limit = Math.ceil(Math.max(leaseMs, reserveMs + fcm.timeoutMs) / 1000);
  if (seconds > limit) return green(`${seconds} s`);
  return red(
    `expected more than ${limit} s (LEASE_MS, and DEADLINE_RESERVE_MS with FCM_TIMEOUT_MS), got ${seconds} s`,
    'set it to 300 s (`aws lambda update-function-configuration --timeout 300`)',
  );
}

export function judgeMemory(mb: number): Finding {
  if (mb >= FULL_CPU_MB) return green(`${mb} MB`);
  if (mb >= MIN_MEMORY_MB) return green(`${mb} MB; ${FULL_CPU_MB} MB would give a full vCPU`);
  return red(`${mb} MB`, `set it to ${FULL_CPU_MB} MB, a full vCPU; at least to ${MIN_MEMORY_MB} MB`);
}

/** Judges the image of the function: with a tag that moves, the next deployment may run different code. */
export function judgeImage(uri: string): Finding {
  const name = uri.slice(uri.lastIndexOf('/') + 1);
  if (name.includes('@sha256:')) return green(`by digest: ${name}`);
  const tag = name.split(':')[1] ?? 'latest';
  if (tag !== 'latest') return green(`tag ${tag}`);
  return red(`${uri}: the tag latest moves`, 'deploy it by its digest, or by a unique tag, as build.sh does');
}
