import type { TestProject } from 'vitest/node';
import { startMariaDb } from './mariadb.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The server that tests create their databases on; null: there is none, and the tests that need it are skipped. */
    mysqlUrl: string | null;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const configuredUrl = process.env['TEST_MYSQL_URL'] || null;
  const server = configuredUrl === null ? await startMariaDb() : null;
  const mysqlUrl = configuredUrl ?? server?.url ?? null;
  project.provide('mysqlUrl', mysqlUrl);
  if (mysqlUrl === null) {
    const reason =
      'no MySQL: mariadbd is not installed (Debian: mariadb-server) and TEST_MYSQL_URL is not set';
    if (process.env['CI']) throw new Error(`${reason}; in CI the tests that need it must run`);
    process.stderr.write(`\n*** ${reason}: THE TESTS THAT NEED IT ARE SKIPPED ***\n\n`);
  }
  return async () => server?.stop();
}
