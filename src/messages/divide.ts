import { codeOf, PushError } from '../errors.ts';
import { isTransient } from '../transient.ts';

/** Codes of errors that every item meets, though they do not pass by themselves: a division only asks more often. */
const SHARED = /^ER_(ACCESS_DENIED|DBACCESS_DENIED|TABLEACCESS_DENIED|COLUMNACCESS_DENIED)/;

/** Codes of errors about a value that a column does not take, now or ever. */
const BAD_DATA =
  /^(ER_(DATA_TOO_LONG|DATA_OUT_OF_RANGE|WARN_DATA_OUT_OF_RANGE|TRUNCATED_WRONG_VALUE|BAD_NULL|CHECK_CONSTRAINT|INVALID_JSON)|WARN_DATA_TRUNCATED)/;

/** Numbers of such errors without a code of their own: MariaDB's ER_CONSTRAINT_FAILED, whose number is another error of MySQL. */
const BAD_DATA_NUMBERS: readonly unknown[] = [4025];

/** SQLITE_TOOBIG, SQLITE_CONSTRAINT_CHECK, SQLITE_CONSTRAINT_NOTNULL and SQLITE_CONSTRAINT_DATATYPE. */
const BAD_SQLITE_DATA: readonly unknown[] = [18, 275, 1299, 3091];

/**
 * Runs `work` for all items in one call. If the database refuses one of them, runs it for each half, and so on, until the
 * refused item is alone; its result is the error. The nth result belongs to the nth item. Every other error is thrown.
 */
export async function divide<In, Out>(
  items: readonly In[],
  work: (items: readonly In[]) => Promise<readonly Out[]>,
): Promise<readonly (Out | PushError)[]> {
  try {
    return await work(items);
  } catch (error) {
    if (!isOfItem(error)) throw error;
    if (items.length <= 1) return items.map(() => error);
    const half = Math.ceil(items.length / 2);
    return [...(await divide(items.slice(0, half), work)), ...(await divide(items.slice(half), work))];
  }
}

/** True for an error that the same item meets each time. */
export function isBadData(error: PushError): boolean {
  if (error.code === 'BAD_INPUT') return true;
  if (error.code !== 'DATABASE') return false;
  const { errno, errcode } = Object(error.cause) as Readonly<Record<string, unknown>>;
  return (
    error.problems.length > 0 ||
    BAD_DATA.test(codeOf(error) ?? '') ||
    BAD_DATA_NUMBERS.includes(errno) ||
    BAD_SQLITE_DATA.includes(errcode)
  );
}

function isOfItem(error: unknown): error is PushError {
  if (!(error instanceof PushError) || (error.code !== 'DATABASE' && error.code !== 'BAD_INPUT'))
    return false;
  return !isTransient(error) && !SHARED.test(codeOf(error) ?? '');
}
