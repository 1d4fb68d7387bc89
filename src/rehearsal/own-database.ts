import type { DatabaseConfig } from '../config/config.ts';
import type { Clock } from '../context.ts';
import { openDriver } from '../db/open.ts';
import { PushError } from '../errors.ts';
import { type Contents, inspectDatabase, MARK } from './inspect-database.ts';
import type { RehearsalOptions } from './options.ts';

/**
 * `claimDatabase` makes a database the rehearsal's own, before the rehearsal writes anything else. It accepts an empty one,
 * which it marks, and one with the mark whose devices are those of this seed. PushError('BAD_INPUT') for any other: its rows
 * would be sent to the sandbox, and recorded as delivered.
 */
export async function claimDatabase(
  config: DatabaseConfig,
  clock: Clock,
  options: Pick<RehearsalOptions, 'devices' | 'seed' | 'resume'>,
): Promise<void> {
  const contents = await inspectDatabase(config, clock, options.seed);
  refuseForeign(contents, options);
  if (contents.isMarked) return;
  const driver = openDriver(config, clock);
  try {
    await driver.runScript(`CREATE TABLE IF NOT EXISTS ${MARK} (marked_at BIGINT)`);
  } finally {
    await driver.close();
  }
}

function refuseForeign(
  { isMarked, foreignTables, occupied, devices, ownDevices }: Contents,
  { resume, devices: wanted, seed }: Pick<RehearsalOptions, 'devices' | 'seed' | 'resume'>,
): void {
  const [table] = foreignTables;
  const expected = 'an empty database, or one that a rehearsal made';
  if (occupied.length > 0) {
    throw refuse('--database', expected, `one with rows in ${occupied.join(', ')} that no rehearsal made`);
  }
  if (!isMarked && table !== undefined) throw refuse('--database', expected, `one with the table ${table}`);
  if (resume && !isMarked)
    throw refuse('--resume', 'a database with an unfinished rehearsal', 'an empty one');
  if (devices === ownDevices && devices <= wanted) return;
  throw refuse(
    '--database',
    `one that is empty, or has only these ${wanted} devices of seed ${seed}`,
    `one with ${devices}, ${devices - ownDevices} of them of another seed`,
  );
}

/**
 * `refuseRealDatabase` throws PushError('BAD_INPUT') for a database with rows in Baton's tables, unless a rehearsal made it.
 * Only `force` allows it.
 */
export async function refuseRealDatabase(
  config: DatabaseConfig,
  clock: Clock,
  { force }: { readonly force: boolean },
): Promise<void> {
  if (force) return;
  const { occupied } = await inspectDatabase(config, clock);
  if (occupied.length === 0) return;
  throw refuse(
    'DATABASE_URL',
    'an empty database, one that a rehearsal made, or --force (what is pushed here is recorded as delivered)',
    `one with rows in ${occupied.join(', ')} that no rehearsal made`,
  );
}

function refuse(field: string, expected: string, got: string): PushError {
  return PushError.of('BAD_INPUT', [{ field, expected, got }]);
}
