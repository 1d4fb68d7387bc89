import type { Notice } from '../model/notice.ts';
import { CANARIES_CHECK } from './canaries.ts';
import { type CheckResult, isBlocked } from './check.ts';
import type { DoctorReport } from './examine.ts';

/** What a notice of the doctor gives as its source. */
const SOURCE = 'baton doctor, as the function sees it';

/**
 * The notices of a report: one for each check that is red or amber. A check that another failed one prevents is none of its
 * own, so that one wrong password is one notice; what it says of canaries is a notice of the check `canary`.
 */
export function noticesOf({ checks }: DoctorReport): Notice[] {
  return checks.flatMap((check) => {
    const level = levelOf(check);
    if (level === null || check.name === CANARIES_CHECK) return [];
    const { name, says, advice } = check;
    const remedy = advice ?? 'run `baton doctor`';
    return [{ name: nameOf(name), level, says: `${name}: ${says}`, remedy, dueOn: null, source: SOURCE }];
  });
}

function levelOf(check: CheckResult): Notice['level'] | null {
  if (check.ok === false) return isBlocked(check) ? null : 'red';
  return check.level ?? null;
}

/** The name of a notice, in visible ASCII: `FCM send (shop)` is `doctor:FCM-send-shop`. */
function nameOf(check: string): string {
  return `doctor:${check.replaceAll(/[^\w.-]+/g, '-').replace(/-$/, '')}`;
}
