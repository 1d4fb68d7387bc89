import type { Config } from '../config/config.ts';
import { spreadMsOf, windowOf } from '../pace/slot.ts';
import { type Finding, green, red } from './check.ts';

/** Lambda gives a function of this size one full vCPU. */
const FULL_CPU_MB = 1769;
/** More than Node and a worker with a page of 3000 devices use together. */
const MIN_MEMORY_MB = 512;

/** Milliseconds of a hop besides sending: its claim, its page, the cold start of some, and the recording of the last answers. */
const OVERHEAD_MS = 500;

/** The last answers to a page take about so many times the mean: of 3000 log-normal answer times, the longest. */
const LAST_ANSWER = 4;

/** FCM's mean time to an answer before the first broadcast has measured it, in milliseconds: a cautious estimate. */
const ASSUMED_ANSWER_MS = 300;

/**
 * Judges the reserved concurrency (null: none is reserved). If it is too small, the next hop queues behind this one; with 1,
 * an invocation waits for itself. `answerMs` has FCM's mean answer time by source, where it has been measured.
 */
export function judgeConcurrency(
  reserved: number | null,
  { sources, pageSize, maxWindow }: Pick<Config, 'sources' | 'pageSize' | 'maxWindow'>,
  answerMs: ReadonlyMap<string, number>,
): Finding {
  let needed = 0;
  for (const [source, { pace }] of sources) {
    const meanMs = answerMs.get(source) ?? ASSUMED_ANSWER_MS;
    const slotMs = (pageSize / pace.perMinute) * 60_000;
    const window = windowOf(pace.perMinute, meanMs, maxWindow);
    const hopMs = Math.max(slotMs, spreadMsOf(pageSize, meanMs, window)) + LAST_ANSWER * meanMs + OVERHEAD_MS;
    // The invocations that send, and the one that waits for its slot.
    needed += Math.max(1, Math.ceil(hopMs / slotMs)) + 1;
  }
  const known = [...answerMs].filter(([source]) => sources.has(source));
  const basis =
    known.length === 0
      ? `${ASSUMED_ANSWER_MS} ms an answer, assumed`
      : known.map(([source, ms]) => `${ms} ms an answer, measured (${source})`).join(', ');
  const advice = `reserve ${needed} or more, or nothing (\`aws lambda delete-function-concurrency\`)`;
  if (reserved === null)
    return green(`nothing reserved; about ${needed} of the account's are enough (${basis})`);
  if (reserved === 0) return red('0 reserved: the function is stopped', advice);
  if (reserved >= needed) return green(`${reserved} reserved, about ${needed} are enough (${basis})`);
  return red(`${reserved} reserved, but the budgets need about ${needed} (${basis})`, advice);
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
