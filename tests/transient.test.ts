import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { PushError } from '../src/errors.ts';
import { isTransient } from '../src/transient.ts';

const asError = (fields: object): Error => Object.assign(new Error('x'), fields);

test.each([1047, 1053, 1205, 1213, 1290, 1412, 1792, 1836, 1927, 3100, 4031, 1040, 9001])(
  'error %d of a server is transient, also as the cause of a PushError',
  (errno) => {
    expect(isTransient(asError({ errno }))).toBe(true);
    expect(isTransient(new PushError('DATABASE', 'x', { cause: asError({ errno }) }))).toBe(true);
  },
);

test.each([{ code: 'ECONNREFUSED' }, { code: 'PROTOCOL_CONNECTION_LOST' }, { code: 'EPIPE', errno: -32 }])(
  'an error of the network is transient: %o',
  (fields) => expect(isTransient(asError(fields))).toBe(true),
);

test('a busy or full SQLite file is transient', () => {
  for (const errcode of [5, 261, 517, 6, 13]) expect(isTransient(asError({ errcode }))).toBe(true);
});

test('what comes again each time is not transient', () => {
  const syntax = ((): unknown => {
    const database = new DatabaseSync(':memory:');
    try {
      return database.exec('SELEC 1');
    } catch (error) {
      return error;
    } finally {
      database.close();
    }
  })();
  const others = [
    ...[1045, 1062, 1064, 1142, 1146, 1265, 1366, 1406, 1153].map((errno) => asError({ errno })),
    ...[syntax, asError({}), new PushError('DATABASE', 'schema'), null, 'ECONNRESET'],
    new PushError('BAD_INPUT', 'x', { cause: asError({ errno: 1205 }) }),
  ];
  for (const error of others) expect(isTransient(error)).toBe(false);
});
