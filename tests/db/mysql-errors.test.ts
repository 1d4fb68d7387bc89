import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { databaseError } from '../../src/db/error-text.ts';

test.each([
  ["Duplicate entry 'secret' for key 'push_device_target'", "Duplicate entry … for key 'push_device_target'"],
  ["Duplicate entry 'sec' for key 'ret' for key 'a'", "Duplicate entry … for key 'a'"],
  [
    "Incorrect string value: '\\xF0secret' for column `b`.`t`.`title` at row 1",
    'Incorrect string value: … for column `b`.`t`.`title` at row 1',
  ],
  ["Truncated incorrect DOUBLE value: 'secret\nsecret'", 'Truncated incorrect DOUBLE value: …'],
  [
    "You have an error in your SQL syntax; check the manual for the right syntax to use near 'secret') -- ' at line 1",
    'You have an error in your SQL syntax; check the manual for the right syntax to use near …',
  ],
  ["Data too long for column 'title' at row 1", "Data too long for column 'title' at row 1"],
  ["Unknown column 'guarantee' in 'field list'", "Unknown column 'guarantee' in 'field list'"],
])('an error of the server keeps its key and column, but no value: %s', (message, expected) => {
  const error = Object.assign(new Error(message), {
    code: 'ER_X',
    errno: 1,
    sql: "INSERT … 'secret'",
    sqlMessage: message,
  });
  const pushError = databaseError('database', error);
  expect(pushError).toMatchObject({ code: 'DATABASE', message: `database: ER_X: ${expected}` });
  expect(pushError.cause).toMatchObject({ code: 'ER_X', errno: 1 });
  expect(inspect(pushError, { depth: 9 })).not.toContain('secret');
});
