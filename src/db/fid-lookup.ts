import type { Clock } from '../context.ts';
import type { Driver } from './driver.ts';
import { sql } from './sql.ts';

/** The answer is asked for again after this time. */
const REMEMBERED_MS = 60_000;

/** Whether push_device has FIDs. Most tables have tokens alone, and what is about both kinds costs them nothing. */
export interface FidLookup {
  /** One search of an index, at most once a minute; a view of a team's own may lack the index, and is read as a whole. */
  readonly hasFids: () => Promise<boolean>;
  /** This process has written a FID. */
  readonly noteFid: () => void;
}

export function makeFidLookup(driver: Driver, clock: Pick<Clock, 'now'>): FidLookup {
  let answer = false;
  let askAgainAt = 0;
  const remember = (known: boolean): boolean => {
    askAgainAt = clock.now() + REMEMBERED_MS;
    return (answer = known);
  };
  return {
    async hasFids() {
      if (clock.now() < askAgainAt) return answer;
      const rows = await driver.all(sql`SELECT 1 FROM push_device WHERE target_kind = 'fid' LIMIT 1`);
      return remember(rows.length > 0);
    },
    noteFid: () => void remember(true),
  };
}
