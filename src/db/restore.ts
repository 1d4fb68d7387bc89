import { sql } from './sql.ts';

/** The assignments that let a device receive pushes again. */
export const RESTORE = sql`unregistered_at = NULL, unregistered_reason = NULL, unregistered_by = NULL`;
