import type { Driver } from '../db/driver.ts';
import { makeCanaries } from '../db/canaries.ts';
import { MAX_CANARIES } from '../model/canary.ts';
import { amber, type Finding, green } from './check.ts';

/** The name of the check. Its notice is the canary's own: see notices.ts. */
export const CANARIES_CHECK = 'canaries';

/** Finds canaries that can never answer, because RECEIPTS is off. */
export async function checkCanaries(driver: Driver, receipts: boolean): Promise<Finding> {
  const { length } = await makeCanaries(driver).fetchCanaries(MAX_CANARIES);
  if (length === 0) return green('no devices are marked as canaries');
  const says = length === 1 ? '1 device is marked as a canary' : `${length} devices are marked as canaries`;
  if (receipts) return green(says);
  return amber(
    `${says}, but RECEIPTS is off: canaries get no pushes, and cannot answer`,
    'set RECEIPTS=on, or unmark the canaries',
  );
}
