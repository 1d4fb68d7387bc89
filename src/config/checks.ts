import { CHECKS, type CheckName } from '../model/notice.ts';
import type { Reader } from './env-reader.ts';

/** The word for no check at all: an empty variable has the default. */
const NONE = 'none';

/** Reads which checks the tick starts. */
export function readChecks(read: Reader): readonly CheckName[] {
  const names = read
    .text('CHECKS')
    .split(/[\s,]+/)
    .filter((name) => name !== '');
  if (names.length === 1 && names[0] === NONE) return [];
  const checks = CHECKS.filter((check) => names.includes(check));
  if (new Set(names).size > checks.length) {
    read.complain('CHECKS', `${NONE}, or a list of ${CHECKS.join(', ')}`, 'other words');
  }
  return checks;
}
