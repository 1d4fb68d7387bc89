import type { DatabaseConfig } from '../../src/config/config.ts';
import type { Clock } from '../../src/context.ts';
import type { Driver } from '../../src/db/driver.ts';
import { openDriver } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import { makeStore } from '../../src/db/store.ts';
import type { Store } from '../../src/store.ts';

/** A store on a migrated database whose own time is the test's clock, so that leases, slots and brakes need no tolerance. */
export function openTimedStore(config: DatabaseConfig, clock: Clock): Store {
  if (config.kind === 'sqlite') return makeStore(openDriver(config, clock), config.audienceViews, clock);
  // One connection, so that a statement runs at the time that was set just before it.
  const driver = openDriver({ ...config, connections: 1 }, clock);
  const set = () => driver.run(sql`SET timestamp = ${clock.now() / 1000}`);
  // One call after another: a statement that fails replaces the connection, and another's time would be lost with it.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(call: () => Promise<T>): Promise<T> => {
    const turn = last.then(set).then(call);
    last = turn.catch(() => {});
    return turn;
  };
  const timed: Driver = {
    ...driver,
    all: (...args) => inTurn(() => driver.all(...args)),
    run: (...args) => inTurn(() => driver.run(...args)),
    tryOut: (...args) => inTurn(() => driver.tryOut(...args)),
    runTogether: (...args) => inTurn(() => driver.runTogether(...args)),
  };
  return makeStore(timed, config.audienceViews, clock);
}
