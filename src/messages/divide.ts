import { codeOf, isBadRow, PushError } from '../errors.ts';
import { isTransient } from '../transient.ts';

/** Codes of errors that every item meets, though they do not pass by themselves: a division only asks more often. */
const SHARED = /^ER_(ACCESS_DENIED|DBACCESS_DENIED|TABLEACCESS_DENIED|COLUMNACCESS_DENIED)/;

/** Codes of errors about a value that a column does not take, now or ever. */
const BAD_DATA =
  /^ER_(DATA_TOO_LONG|DATA_OUT_OF_RANGE|WARN_DATA_OUT_OF_RANGE|TRUNCATED_WRONG_VALUE|BAD_NULL|CHECK_CONSTRAINT|CONSTRAINT_FAILED)/;

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
  const isRefused = error.code === 'DATABASE' && BAD_DATA.test(codeOf(error) ?? '');
  return isRefused || error.code === 'BAD_INPUT' || isBadRow(error);
}

function isOfItem(error: unknown): error is PushError {
  if (!(error instanceof PushError) || (error.code !== 'DATABASE' && error.code !== 'BAD_INPUT'))
    return false;
  return !isTransient(error) && !SHARED.test(codeOf(error) ?? '');
}
