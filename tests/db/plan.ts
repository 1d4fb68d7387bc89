import type { DatabaseConfig } from '../../src/config/config.ts';
import type { Store } from '../../src/store.ts';
import { systemClock } from '../../src/clock.ts';
import type { Row } from '../../src/db/driver.ts';
import { openDriver } from '../../src/db/open.ts';
import { sql, type Statement } from '../../src/db/sql.ts';
import { makeStore } from '../../src/db/store.ts';

/** Resolves to the database's plan for every statement of a call of the store. */
export async function explain(
  config: DatabaseConfig,
  call: (store: Store) => Promise<unknown>,
  audienceViews: readonly string[] = [],
): Promise<Row[]> {
  const driver = openDriver(config, systemClock);
  const statements: Statement[] = [];
  const store = makeStore(
    {
      ...driver,
      all: (statement) => {
        statements.push(statement);
        return driver.all(statement);
      },
      run: (statement) => {
        statements.push(statement);
        return driver.run(statement);
      },
      runTogether: (...together) => {
        statements.push(...together);
        return driver.runTogether(...together);
      },
    },
    audienceViews,
  );
  await call(store);
  const keyword = config.kind === 'sqlite' ? sql`EXPLAIN QUERY PLAN` : sql`EXPLAIN`;
  const plan: Row[] = [];
  for (const statement of statements) plan.push(...(await driver.all(sql`${keyword} ${statement}`)));
  await driver.close();
  return plan;
}
