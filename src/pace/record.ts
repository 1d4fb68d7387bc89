import type { Context, LogFields } from '../context.ts';
import { messageOf, PushError } from '../errors.ts';

/** Each wait is twice as long as the one before, up to this share of a lease: the answers are recorded before it runs out. */
const FIRST_WAIT_MS = 100;
const MAX_WAIT_PER_LEASE = 1 / 20;

/**
 * A database that takes no answers takes no leases either, so a lease may run out meanwhile. The next claimant of the hop waits
 * for longer than the waits between two tries, the database driver's own among them, and then reads what was recorded.
 */
export const TAKEOVER_WAIT_MS = 2000;

/** The last milliseconds of an invocation, kept to give the work back. */
const LAST_MS = 2000;

/**
 * Records answers of FCM, and tries again for as long as the invocation lives: a push whose answer is not recorded is sent
 * again. PushError('NOT_RECORDED') when the time runs out. Meanwhile the caller sends nothing, and keeps its lease.
 */
export async function recordPatiently(
  { clock, config, log, remainingMs }: Pick<Context, 'clock' | 'config' | 'log' | 'remainingMs'>,
  record: () => Promise<void>,
  fields: LogFields,
): Promise<void> {
  const startedAt = clock.now();
  let lastWhy = '';
  for (let tries = 1, waitMs = FIRST_WAIT_MS; ; tries++) {
    try {
      await record();
      if (tries > 1)
        log.info('answers recorded after all', { ...fields, tries, tookMs: clock.now() - startedAt });
      return;
    } catch (cause) {
      const why = messageOf(cause);
      if (why !== lastWhy) log.error('answers not recorded: trying again', { ...fields, why });
      lastWhy = why;
      if (remainingMs() - waitMs <= LAST_MS) {
        throw new PushError('NOT_RECORDED', `the answers of FCM could not be recorded: ${why}`, { cause });
      }
    }
    await clock.sleep(waitMs);
    waitMs = Math.min(2 * waitMs, Math.max(FIRST_WAIT_MS, config.leaseMs * MAX_WAIT_PER_LEASE));
  }
}
