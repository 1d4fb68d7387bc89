import { describe, expect, test } from 'vitest';
import { chunksOf, sql } from '../../src/db/sql.ts';

describe('a statement by `sql`', () => {
  test('has a placeholder for each value, in order', () => {
    expect(sql`SELECT ${1}, ${'two'}, ${null}`).toEqual({ sql: 'SELECT ?, ?, ?', values: [1, 'two', null] });
  });

  test('without values is its text', () => {
    expect(sql`SELECT 1`).toEqual({ sql: 'SELECT 1', values: [] });
  });

  test('takes in fragments at any depth, with their values in the order of the placeholders', () => {
    const isDue = sql`publish_at <= ${10}`;
    const isOurs = sql`${isDue} AND source = ${'shop'}`;
    expect(sql`SELECT ${0} FROM push_message WHERE ${isOurs} AND ${isDue} LIMIT ${5}`).toEqual({
      sql: 'SELECT ? FROM push_message WHERE publish_at <= ? AND source = ? AND publish_at <= ? LIMIT ?',
      values: [0, 10, 'shop', 10, 5],
    });
  });

  test('joins an array of values by commas, as IN needs it', () => {
    expect(sql`WHERE id IN (${[1, 2, 3]}) AND kind = ${'fid'}`).toEqual({
      sql: 'WHERE id IN (?, ?, ?) AND kind = ?',
      values: [1, 2, 3, 'fid'],
    });
  });

  test('joins an array of fragments by commas, as VALUES needs it', () => {
    const rows = ['a', 'b'].map((target) => sql`(${target}, NOW())`);
    expect(sql`INSERT INTO push_device VALUES ${rows}`).toEqual({
      sql: 'INSERT INTO push_device VALUES (?, NOW()), (?, NOW())',
      values: ['a', 'b'],
    });
  });

  test('takes in nothing for an empty fragment', () => {
    expect(sql`SELECT 1${sql``} LIMIT ${2}`).toEqual({ sql: 'SELECT 1 LIMIT ?', values: [2] });
  });

  test('is refused with an empty list, and the error names the place of the list', () => {
    expect(
      () => sql`UPDATE push_device SET target = ${'secret'}
                WHERE target IN (${[]}) AND device_id = ${1}`,
    ).toThrow(
      new RangeError(
        'list after "UPDATE push_device SET target = ? WHERE target IN (": expected at least one value, got none',
      ),
    );
    expect(() => sql`SELECT 1 FROM push_hop WHERE ${sql`round IN (${[]})`}`).toThrow('"round IN ("');
  });

  test('never has a value in its text, whatever the value is', () => {
    const hostile = ["x'; DROP TABLE push_device; --", '?', '\\', '${1}', '`', '', 'NULL'];
    const statements = [
      ...hostile.map((value) => sql`SELECT ${value}`),
      ...hostile.map((value) => sql`SELECT ${[value]}`),
      ...hostile.map((value) => sql`SELECT ${sql`${value}`}`),
    ];
    expect(statements.map((statement) => statement.sql)).toEqual(statements.map(() => 'SELECT ?'));
    expect(statements.flatMap(({ values }) => values)).toEqual([...hostile, ...hostile, ...hostile]);
  });

  test('has the same text for other values of the same kind, so that a prepared statement is used again', () => {
    const select = (ids: readonly number[], toId: number | null) =>
      sql`WHERE id IN (${ids}) ${toId === null ? sql`` : sql`AND id <= ${toId}`}`;
    expect(select([1, 2], 9).sql).toBe(select([7, 8], 10).sql);
    expect(select([1, 2], 9).sql).not.toBe(select([1, 2], null).sql);
  });
});

describe('chunks of rows', () => {
  test('have all rows, in order, none empty', () => {
    const rows = Array.from({ length: 4500 }, (_, index) => index);
    const chunks = chunksOf(rows);
    expect(chunks.flat()).toEqual(rows);
    expect(chunks.map(({ length }) => length)).toEqual([2000, 2000, 500]);
  });

  test('are none for no row', () => {
    expect(chunksOf([])).toEqual([]);
  });
});
