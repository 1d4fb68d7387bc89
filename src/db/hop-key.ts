import type { Hop, HopKey } from '../model/hop.ts';
import { type Fragment, sql } from './sql.ts';

/** The condition that a push_hop row is this hop. */
export function isHop({ announcementId, round, fromId }: HopKey): Fragment {
  return sql`announcement_id = ${announcementId} AND round = ${round} AND from_id = ${fromId}`;
}

/** The condition that a push_hop row is this hop, and the hop's owner still holds it. */
export function isHeld(hop: Hop): Fragment {
  return sql`${isHop(hop)} AND owner = ${hop.owner}`;
}
