/** What runs Baton and has an end. An RDS product is the same database as AWS supports it. */
export const PRODUCTS = [
  'nodejs',
  'amazon-linux',
  'mysql',
  'rds-mysql',
  'mariadb',
  'rds-mariadb',
  'sqlite',
] as const;
export type Product = (typeof PRODUCTS)[number];

/** The end of support of one version. */
export interface Lifecycle {
  readonly product: Product;
  /** The part of the version that has an end of its own: `24`, `8.4`. */
  readonly cycle: string;
  /** The last day with security updates, such as `2028-04-30`. */
  readonly endsOn: string;
  /** The address of the page that says so. */
  readonly source: string;
}

/** The day on which each row was compared with its source. `npm run lifecycles` lists what to compare. */
export const CHECKED_ON = '2026-11-26';

const LAMBDA = 'https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html';
const NODE = 'https://nodejs.org/en/about/previous-releases';
const AL2023 = 'https://docs.aws.amazon.com/linux/al2023/ug/release-cadence.html';
const MYSQL = 'https://endoflife.date/mysql';
const RDS_MYSQL = 'https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/MySQL.Concepts.VersionMgmt.html';
const MARIADB = 'https://mariadb.org/about/#maintenance-policy';
const RDS_MARIADB =
  'https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/MariaDB.Concepts.VersionMgmt.html';
const SQLITE = 'https://www.sqlite.org/lts.html';

/**
 * The dates that are known for sure. A version whose dates are estimated, or on which sources differ, has no row: Aurora's,
 * RDS for MariaDB 10.6 and 11.8, MySQL 9.7, and Node 26 on Lambda. No end is published for firebase-admin.
 */
export const LIFECYCLES: readonly Lifecycle[] = [
  ...rows('nodejs', LAMBDA, { 20: '2026-04-30', 22: '2027-04-30', 24: '2028-04-30' }),
  ...rows('nodejs', NODE, { 21: '2024-06-01', 23: '2025-06-01', 25: '2026-06-01', 26: '2029-04-30' }),
  ...rows('amazon-linux', AL2023, { 2: '2026-06-30', 2023: '2029-06-30' }),
  ...rows('mysql', MYSQL, {
    '8.0': '2026-04-30',
    '8.1': '2023-10-25',
    '8.2': '2023-12-14',
    '8.3': '2024-04-10',
    '8.4': '2032-04-30',
    '9.0': '2024-10-15',
    '9.1': '2025-01-21',
    '9.2': '2025-04-15',
    '9.3': '2025-07-22',
    '9.4': '2025-10-21',
    '9.5': '2026-01-20',
    '9.6': '2026-04-21',
  }),
  ...rows('rds-mysql', RDS_MYSQL, { '8.0': '2026-07-31', '8.4': '2029-07-31' }),
  ...rows('mariadb', MARIADB, {
    '10.6': '2026-07-06',
    '10.7': '2023-02-09',
    '10.8': '2023-05-20',
    '10.9': '2023-08-22',
    '10.10': '2023-11-17',
    '10.11': '2028-02-16',
    '11.0': '2024-06-06',
    '11.1': '2024-08-21',
    '11.2': '2024-11-21',
    '11.3': '2024-05-29',
    '11.4': '2029-05-29',
    '11.5': '2024-11-21',
    '11.6': '2025-02-13',
    '11.7': '2025-05-12',
    '11.8': '2028-06-04',
    '12.0': '2025-11-18',
    '12.1': '2026-02-13',
    '12.2': '2026-05-28',
    '12.3': '2029-06-12',
  }),
  ...rows('rds-mariadb', RDS_MARIADB, { '10.11': '2028-02-29', '11.4': '2029-05-31' }),
  ...rows('sqlite', SQLITE, { 3: '2050-12-31' }),
];

function rows(product: Product, source: string, ends: Readonly<Record<string, string>>): Lifecycle[] {
  return Object.entries(ends).map(([cycle, endsOn]) => ({ product, cycle, endsOn, source }));
}

/** The row of a version; null: the table does not have it. */
export function findLifecycle(
  product: Product,
  cycle: string,
  table: readonly Lifecycle[] = LIFECYCLES,
): Lifecycle | null {
  return table.find((row) => row.product === product && row.cycle === cycle) ?? null;
}
