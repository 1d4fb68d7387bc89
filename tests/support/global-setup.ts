import type { TestProject } from 'vitest/node';
import { startMariaDb } from './mariadb.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A server on which tests may make databases; null: there is none, and tests that need it are skipped. */
    mysqlUrl: string | null;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['TEST_MYSQL_URL'];
  const server = given ? null : await startMariaDb();
  const mysqlUrl = given ?? server?.url ?? null;
  project.provide('mysqlUrl', mysqlUrl);
  if (mysqlUrl === null) {
    const words =
      'no MySQL: mariadbd is not installed (Debian: mariadb-server) and TEST_MYSQL_URL is not set';
    if (process.env['CI']) throw new Error(`${words}; in CI the tests that need it must run`);
    process.stderr.write(`\n*** ${words}: THE TESTS THAT NEED IT ARE SKIPPED ***\n\n`);
  }
  return async () => server?.stop();
}
