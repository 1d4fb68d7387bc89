/** What the rows of a rehearsal have in common, so that they are told apart from real ones. */

/** Beginning of every made-up target. */
export const TARGET_PREFIX = 'rehearsal-';

/** Body of every announcement and every message of a rehearsal. */
export const BODY = 'Sent to the sandbox only';
