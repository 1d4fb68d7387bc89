import type { DatabaseServer } from '../model/database-server.ts';
import type { Driver } from './driver.ts';
import { readText } from './rows.ts';
import { sql } from './sql.ts';

/** The folder of the server's programs on Amazon RDS. */
const RDS_FOLDER = /\/rdsdbbin\b/;

/** Asks the database what it is, and which version. RDS and Aurora are known by variables of the server. */
export async function fetchServer(driver: Driver): Promise<DatabaseServer> {
  if (driver.dialect.name === 'sqlite') {
    const [row = {}] = await driver.all(sql`SELECT sqlite_version() AS version`);
    return { kind: 'sqlite', version: readText(row, 'version'), host: null };
  }
  const [row = {}] = await driver.all(sql`SELECT VERSION() AS version`);
  const version = readText(row, 'version');
  const rows = await driver.all(
    sql`SHOW GLOBAL VARIABLES WHERE Variable_name IN ('aurora_version', 'basedir')`,
  );
  const variables = new Map(rows.map((each) => [each['Variable_name'], String(each['Value'])]));
  const isRds = RDS_FOLDER.test(variables.get('basedir') ?? '');
  return {
    kind: /mariadb/i.test(version) ? 'mariadb' : 'mysql',
    version,
    host: variables.has('aurora_version') ? 'aurora' : isRds ? 'rds' : null,
  };
}
