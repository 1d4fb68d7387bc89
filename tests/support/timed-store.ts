import type { DatabaseConfig } from '../../src/config/config.ts';
import type { Clock } from '../../src/context.ts';
import type { Driver } from '../../src/db/driver.ts';
import { openDriver } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import { makeStore } from '../../src/db/store.ts';
import type { Store } from '../../src/store.ts';

/** A store on a migrated database whose own time is the test's clock, so that leases, slots and brakes need no tolerance. */
export function openTimedStore(config: DatabaseConfig, clock: Clock): Store {
  if (config.kind === 'sqlite') return makeStore(openDriver(config, clock));
  // One connection, so that a statement runs at the time that was set just before it.
  const driver = openDriver({ ...config, connections: 1 }, clock);
  const set = () => driver.run(sql`SET timestamp = ${clock.now() / 1000}`);
  const timed: Driver = {
    ...driver,
    all: (...args) => set().then(() => driver.all(...args)),
    run: (...args) => set().then(() => driver.run(...args)),
    runTogether: (...args) => set().then(() => driver.runTogether(...args)),
  };
  return makeStore(timed);
}
