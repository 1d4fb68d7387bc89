import { PLAIN, type Variable } from './variable.ts';

/** A hop runs one statement at a time; the second connection is for another caller in the process, such as a progress bar. */
export const CONNECTIONS = 2;

/** `baton serve` answers many requests at the same time in one process. */
export const CONNECTIONS_OF_SERVE = 10;

/** The SQLite file where nothing is configured: it is Baton's own. */
export const DEFAULT_FILE = 'baton.db';

/** The variables of the database. */
export const DATABASE_VARIABLES = [
  {
    ...PLAIN,
    name: 'DATABASE_URL',
    fallback: DEFAULT_FILE,
    meaning:
      '`mysql://user:password@host:3306/database` (MySQL 8, MariaDB 10.6 or later), or the path of an SQLite file.',
    isSecret: true,
  },
  {
    ...PLAIN,
    name: 'DATABASE_TLS',
    fallback: 'off',
    meaning:
      '`off`; `rds` (certificate authorities of Amazon RDS); `verify` (those of the system); or the path of a PEM file.',
  },
  {
    ...PLAIN,
    name: 'DATABASE_CONNECTIONS',
    fallback: String(CONNECTIONS),
    meaning: `MySQL connections of one process; \`baton serve\` uses ${CONNECTIONS_OF_SERVE} if this is not set.`,
  },
  {
    ...PLAIN,
    name: 'AUDIENCE_VIEWS',
    meaning:
      'Tables and views of your own that an audience may name, such as `push_audience_*`; names between commas, `*` stands for any letters, digits and `_`.',
  },
] as const satisfies readonly Variable[];
