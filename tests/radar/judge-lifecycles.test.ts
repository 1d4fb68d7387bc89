import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/model/database-server.ts';
import { daysUntil, levelOf } from '../../src/radar/due.ts';
import { judgeDatabase, judgeImage, judgeTable, judgeVersion } from '../../src/radar/judge-lifecycles.ts';
import type { Lifecycle } from '../../src/radar/lifecycles.ts';
import { parseAmazonLinux } from '../../src/radar/running.ts';
import { findProblems, findWarnings } from '../lifecycles.ts';
import { DAY, TODAY } from './tools.ts';

const source = 'https://example.com/node';
const TABLE: readonly Lifecycle[] = [
  { product: 'nodejs', cycle: '24', endsOn: '2028-04-30', source },
  { product: 'nodejs', cycle: '26', endsOn: '2029-04-30', source },
];
const dayBefore = (days: number): number => Date.parse('2028-04-30T23:59:59Z') - days * DAY;

test.each([
  [181, null],
  [180, 'amber'],
  [61, 'amber'],
  [60, 'red'],
  [0, 'red'],
  [-1000, 'red'],
])('%i days before a date the level is %s', (days, level) => {
  expect(levelOf('2028-04-30', dayBefore(days))).toBe(level);
});

test('days are counted in UTC, whatever the hour', () => {
  expect(daysUntil('2028-05-01', Date.parse('2028-04-30T00:00:00Z'))).toBe(1);
  expect(daysUntil('2028-05-01', Date.parse('2028-04-30T23:59:59Z'))).toBe(1);
});

test('a version past its date is red, with its date, the page and a version to go to', () => {
  expect(judgeVersion('nodejs', '24', dayBefore(-10), TABLE)).toEqual({
    hasVerdict: true,
    says: 'Node 24 lost its support on 2028-04-30',
    notices: [
      {
        name: 'lifecycle:nodejs24.x',
        level: 'red',
        says: 'Node 24 lost its support on 2028-04-30',
        remedy: expect.stringMatching(/^use a later Node; .*: 26 is supported until 2029-04-30$/),
        dueOn: '2028-04-30',
        source,
      },
    ],
  });
  expect(judgeVersion('nodejs', '24', dayBefore(100), TABLE).notices).toMatchObject([
    { level: 'amber', says: 'Node 24 is supported until 2028-04-30, for 100 more days' },
  ]);
  // No version to go to is known any more.
  expect(judgeVersion('nodejs', '24', Date.UTC(2040), TABLE).notices[0]?.remedy).not.toContain('supported');
});

test('a version that the table does not have gets no verdict', () => {
  expect(judgeVersion('nodejs', '99', TODAY)).toEqual({
    hasVerdict: false,
    says: 'Node 99: the table has no date',
    notices: [],
  });
});

describe('the database', () => {
  const judge = (server: Partial<DatabaseServer>) => {
    const all = { kind: 'mysql', version: '8.0.43', host: null, ...server } as const;
    const { hasVerdict, notices } = judgeDatabase(all, TODAY);
    return [hasVerdict, ...notices.map(({ level, name, dueOn }) => `${level} ${name} ${dueOn}`)];
  };

  test.each<[string, Partial<DatabaseServer>, unknown[]]>([
    ['MySQL 8.0', {}, [true, 'red lifecycle:mysql8.0 2026-04-30']],
    ['MySQL 8.0 on RDS', { host: 'rds' }, [true, 'red lifecycle:rds-mysql8.0 2026-07-31']],
    ['MySQL 8.0 on Aurora', { host: 'aurora' }, [false]],
    ['MySQL 8.4', { version: '8.4.9' }, [true]],
    ['MariaDB 10.11', { kind: 'mariadb', version: '10.11.19-MariaDB-0+deb12u1' }, [true]],
    [
      'MariaDB 10.6',
      { kind: 'mariadb', version: '5.5.5-10.6.14-MariaDB-log' },
      [true, 'red lifecycle:mariadb10.6 2026-07-06'],
    ],
    [
      'MariaDB 10.6 on RDS, whose own date is not known for sure',
      { kind: 'mariadb', version: '10.6.14-MariaDB', host: 'rds' },
      [true, 'red lifecycle:mariadb10.6 2026-07-06'],
    ],
    ['TiDB', { version: '8.0.11-TiDB-v8.5.0' }, [false]],
    ['a version without a number', { version: 'main' }, [false]],
    ['SQLite', { kind: 'sqlite', version: '3.50.4' }, [true]],
  ])('%s', (_, server, expected) => {
    expect(judge(server)).toEqual(expected);
  });
});

test('a base image is old after half a year, and has no verdict without a dated tag', () => {
  const image = 'public.ecr.aws/lambda/nodejs:24.2026.09.24.14';
  expect(judgeImage(image, Date.UTC(2027, 2, 23))).toMatchObject({ hasVerdict: true, notices: [] });
  expect(judgeImage(`${image}-arm64`, Date.UTC(2027, 2, 24)).notices).toMatchObject([
    {
      level: 'amber',
      name: 'lifecycle:base-image',
      says: expect.stringContaining('of 2026-09-24, 181 days old'),
    },
  ]);
  expect(judgeImage('a.registry:5000/nodejs:24', TODAY)).toMatchObject({ hasVerdict: false });
  expect(judgeImage(null, TODAY)).toMatchObject({ hasVerdict: true, notices: [] });
});

test('the table is old after 120 days', () => {
  expect(judgeTable(TODAY + 120 * DAY, '2026-11-26').notices).toEqual([]);
  expect(judgeTable(TODAY + 121 * DAY, '2026-11-26').notices).toMatchObject([
    { level: 'amber', name: 'lifecycle:table', remedy: expect.stringContaining('upgrade Baton') },
  ]);
});

test('Amazon Linux is known by os-release', () => {
  expect(parseAmazonLinux('NAME="Amazon Linux"\nVERSION="2023"\nID="amzn"\nVERSION_ID="2023"\n')).toBe(
    '2023',
  );
  expect(parseAmazonLinux('ID=debian\nVERSION_ID="12"\n')).toBeNull();
  expect(parseAmazonLinux('')).toBeNull();
});

test('every row has a page and a date, and what is built today is in the table', () => {
  const dockerfile = readFileSync(new URL('../../Dockerfile', import.meta.url), 'utf8');
  expect(findProblems(dockerfile)).toEqual([]);
  expect(findWarnings(TODAY)).toEqual([]);
  expect(findWarnings(TODAY + 200 * DAY)).toHaveLength(1);
});

test('rows without a page, with a date that does not exist, or twice are found', () => {
  const rows: Lifecycle[] = [
    { product: 'nodejs', cycle: '24', endsOn: '2028-04-30', source },
    { product: 'nodejs', cycle: '24', endsOn: '2028-02-30', source: 'a page' },
  ];
  expect(findProblems('ARG BASE_IMAGE=x/nodejs:25', rows)).toEqual([
    'nodejs 24: expected an https address as source, got "a page"',
    'nodejs 24: expected a date, got "2028-02-30"',
    'nodejs 24: expected one row, got several',
    'Dockerfile: expected a base image of a Node that the table has, with a date, got x/nodejs:25',
  ]);
});
