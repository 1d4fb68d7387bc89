import { PushError } from '../errors.ts';
import { withoutValues } from './error-text.ts';
import type { Row } from './driver.ts';
import type { Statement } from './sql.ts';

/**
 * Warnings and notes that say that a value was changed or cut; in a strict session most of them are errors, but not a cut of
 * blanks. Others, such as those about old syntax, change nothing.
 */
const CHANGES: readonly unknown[] = [1048, 1263, 1264, 1265, 1292, 1364, 1366, 1406, 1411, 1441, 1525];

/** MySQL from 8.0.20 on gives this warning for each VALUES() of a statement; the alias that it asks for is unknown to MariaDB. */
const DEPRECATED = 1287;

/** Resolves to the rows of a statement. */
type Ask = (text: string) => Promise<readonly Row[]>;

/**
 * Makes a check of the number of warnings that a statement has left: it throws if the database has changed a value. Of a
 * server that warns of VALUES() it asks no further question if there are as many warnings as the statement has of those.
 */
export function makeWarningCheck(): (statement: Statement, warnings: number, ask: Ask) => Promise<void> {
  let warnsOfValues = false;
  return async ({ sql }, warnings, ask) => {
    if (warnings === 0) return;
    const values = sql.split(' VALUES(').length - 1;
    if (warnsOfValues && warnings === values) return;
    const rows = await ask('SHOW WARNINGS');
    const change = rows.find(({ Code }) => CHANGES.includes(Code));
    if (change) {
      const message = withoutValues(String(change['Message']));
      throw new PushError('DATABASE', `the database has changed a value: ${message}`);
    }
    warnsOfValues = rows.length === values && rows.every(({ Code }) => Code === DEPRECATED);
  };
}
