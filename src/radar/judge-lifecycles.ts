import type { DatabaseServer } from '../model/database-server.ts';
import type { Notice } from '../model/notice.ts';
import { daysUntil, levelOf } from './due.ts';
import { toDay } from '../words.ts';
import { CHECKED_ON, findLifecycle, type Lifecycle, LIFECYCLES, type Product } from './lifecycles.ts';
import type { Finding } from './part.ts';

/** Base images get the fixes of Node and Amazon Linux by a new tag alone. */
const MAX_IMAGE_DAYS = 180;
/** Dates change: a table that is older than this has to be read again. */
const MAX_TABLE_DAYS = 120;

const UPGRADE_BATON = 'upgrade Baton: a new release has the dates of today';
const NEW_IMAGE =
  'build and deploy with a newer base image: BASE_IMAGE of build.sh, or the first ARG of the Dockerfile';

interface Named {
  readonly title: string;
  /** The end of the notice's name. */
  readonly suffix?: string;
  readonly remedy: string;
}

const NAMES: Readonly<Record<Product, Named>> = {
  nodejs: { title: 'Node', suffix: '.x', remedy: `use a later Node; for the image, ${NEW_IMAGE}` },
  'amazon-linux': { title: 'Amazon Linux', remedy: NEW_IMAGE },
  mysql: { title: 'MySQL', remedy: 'upgrade the database' },
  'rds-mysql': { title: 'MySQL on RDS (standard support)', remedy: 'upgrade the database' },
  mariadb: { title: 'MariaDB', remedy: 'upgrade the database' },
  'rds-mariadb': { title: 'MariaDB on RDS', remedy: 'upgrade the database' },
  sqlite: { title: 'SQLite', remedy: 'use a later Node' },
};

/** Judges one version by the table. */
export function judgeVersion(
  product: Product,
  cycle: string,
  nowMs: number,
  table: readonly Lifecycle[] = LIFECYCLES,
): Finding {
  const row = findLifecycle(product, cycle, table);
  const { title } = NAMES[product];
  if (row === null)
    return { hasVerdict: false, says: `${title} ${cycle}: the table has no date`, notices: [] };
  const level = levelOf(row.endsOn, nowMs);
  const says = `${title} ${cycle} ${describeEnd(row, nowMs)}`;
  return { hasVerdict: true, says, notices: level === null ? [] : [toNotice(row, level, nowMs, table)] };
}

/** The version of the database: on RDS by AWS's dates if they are known, otherwise by its own. */
export function judgeDatabase(server: DatabaseServer, nowMs: number, table?: readonly Lifecycle[]): Finding {
  const { kind, version, host } = server;
  if (kind === 'sqlite') return judgeVersion('sqlite', version.split('.')[0] ?? '', nowMs, table);
  if (host === 'aurora' || /tidb|vitess/i.test(version)) {
    return { hasVerdict: false, says: `${version}: the table has no dates of this database`, notices: [] };
  }
  // MariaDB may put 5.5.5- before its version, for old replicas of MySQL.
  const cycle = /^(?:5\.5\.5-)?(\d+\.\d+)/.exec(version)?.[1] ?? version;
  const onRds = host === 'rds' ? judgeVersion(`rds-${kind}`, cycle, nowMs, table) : null;
  return onRds?.hasVerdict ? onRds : judgeVersion(kind, cycle, nowMs, table);
}

/** The age of the base image, which its dated tag says: `nodejs:24.2026.09.24.14`. */
export function judgeImage(image: string | null, nowMs: number): Finding {
  if (image === null) return { hasVerdict: true, says: 'not running from the image', notices: [] };
  const [, year, month, day] = /:\d+\.(\d{4})\.(\d{2})\.(\d{2})\b/.exec(image) ?? [];
  const date = `${year}-${month}-${day}`;
  if (Number.isNaN(Date.parse(date))) {
    return { hasVerdict: false, says: 'the tag of the base image has no date', notices: [] };
  }
  const age = -daysUntil(date, nowMs);
  const says = `the base image is of ${date}, ${age} days old`;
  if (age <= MAX_IMAGE_DAYS) return { hasVerdict: true, says, notices: [] };
  const notice: Notice = {
    name: 'lifecycle:base-image',
    level: 'amber',
    says: `${says}: fixes of Node and Amazon Linux since then are not in it`,
    remedy: NEW_IMAGE,
    dueOn: null,
    source: 'the tag of the base image',
  };
  return { hasVerdict: true, says, notices: [notice] };
}

/** The table itself: without a new release of Baton it is not read again. */
export function judgeTable(nowMs: number, checkedOn = CHECKED_ON): Finding {
  const age = -daysUntil(checkedOn, nowMs);
  const says = `the table of lifecycles was checked on ${checkedOn}, ${Math.max(age, 0)} days ago`;
  if (age <= MAX_TABLE_DAYS) return { hasVerdict: true, says, notices: [] };
  const notice: Notice = {
    name: 'lifecycle:table',
    level: 'amber',
    says: `${says}: dates may have changed since`,
    remedy: UPGRADE_BATON,
    dueOn: null,
    source: "Baton's own table of lifecycles",
  };
  return { hasVerdict: true, says, notices: [notice] };
}

function toNotice(
  row: Lifecycle,
  level: Notice['level'],
  nowMs: number,
  table: readonly Lifecycle[],
): Notice {
  const { product, cycle, endsOn, source } = row;
  const { title, suffix = '', remedy } = NAMES[product];
  const next = latestOf(product, table);
  const goal =
    next === null || next.endsOn <= toDay(nowMs) ? '' : `: ${next.cycle} is supported until ${next.endsOn}`;
  return {
    name: `lifecycle:${product}${cycle}${suffix}`,
    level,
    says: `${title} ${cycle} ${describeEnd(row, nowMs)}`,
    remedy: `${remedy}${goal}`,
    dueOn: endsOn,
    source,
  };
}

function describeEnd({ endsOn }: Lifecycle, nowMs: number): string {
  const days = daysUntil(endsOn, nowMs);
  return days < 0 ? `lost its support on ${endsOn}` : `is supported until ${endsOn}, for ${days} more days`;
}

function latestOf(product: Product, table: readonly Lifecycle[]): Lifecycle | null {
  const own = table.filter((row) => row.product === product);
  return own.toSorted((one, other) => (one.endsOn < other.endsOn ? 1 : -1))[0] ?? null;
}
