import type { DatabaseConfig } from '../../src/config/config.ts';
import type { Store } from '../../src/store.ts';
import { systemClock } from '../../src/clock.ts';
import type { Row } from '../../src/db/driver.ts';
import { openDriver } from '../../src/db/open.ts';
import { sql, type Statement } from '../../src/db/sql.ts';
import { makeStore } from '../../src/db/store.ts';

/** Resolves to the database's plan for every SELECT of a call of the store. */
export async function explain(
  config: DatabaseConfig,
  call: (store: Store) => Promise<unknown>,
): Promise<Row[]> {
  const driver = openDriver(config, systemClock);
  const selects: Statement[] = [];
  const all = (statement: Statement): Promise<Row[]> => {
    selects.push(statement);
    return driver.all(statement);
  };
  await call(makeStore({ ...driver, all }));
  const keyword = config.kind === 'sqlite' ? sql`EXPLAIN QUERY PLAN` : sql`EXPLAIN`;
  const plan: Row[] = [];
  for (const select of selects) plan.push(...(await driver.all(sql`${keyword} ${select}`)));
  await driver.close();
  return plan;
}
