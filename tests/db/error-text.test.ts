import { expect, test } from 'vitest';
import { databaseError } from '../../src/db/error-text.ts';
import { codeOf } from '../../src/errors.ts';

test.each([
  ["Duplicate entry 'anna' for key 'member_id'", "Duplicate entry … for key 'member_id'"],
  ["Duplicate entry 'it's 'anna'' for key 'k'", "Duplicate entry … for key 'k'"],
  ["Data too long for column 'title' at row 1", "Data too long for column 'title' at row 1"],
  [
    "Incorrect string value: '\\xF0' for column `b`.`t`.`title` at row 2",
    'Incorrect string value: … for column `b`.`t`.`title` at row 2',
  ],
  ["Table 'b1.push_device' doesn't exist", "Table 'b1.push_device' doesn…"],
  ["Access denied for user 'anna'@'10.0.0.7' (using password: YES)", 'Access denied for user …'],
  [
    "You have an error in your SQL syntax near 'anna' at line 1",
    'You have an error in your SQL syntax near …',
  ],
  ["Unknown column 'colour' in 'anna'", "Unknown column 'colour' in …"],
  ['near "anna": syntax error', 'near …'],
  ['no such table: push_device', 'no such table: push_device'],
])('%s is shown as %s', (message, shown) => {
  const cause = Object.assign(new Error(message), {
    code: 'ER_X',
    sql: "INSERT 'anna'",
    sqlMessage: message,
  });
  const error = databaseError('database', cause);
  expect(error.message).toBe(`database: ER_X: ${shown}`);
  expect(codeOf(error)).toBe('ER_X');
  const everything = JSON.stringify([error, error.stack, error.cause, Object.entries(Object(error.cause))]);
  expect(everything + String((error.cause as Error).stack)).not.toContain('anna');
});
