/**
 * What a caller of the HTTP API may do.
 * - `devices`: register and remove devices, as an app does.
 * - `read`: read announcements and their deliveries.
 * - `send`: make, start, pause, resume and cancel announcements; send messages.
 * - `admin`: everything.
 */
export const SCOPES = ['devices', 'read', 'send', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** True if a caller with these scopes may do what needs `scope`. */
export function covers(scopes: readonly Scope[], scope: Scope): boolean {
  return scopes.includes(scope) || scopes.includes('admin');
}

/** Parses scopes that are joined by `+`; null: one of them is none of SCOPES. */
export function parseScopes(text: string): Scope[] | null {
  const scopes = text.split('+').map((name) => SCOPES.find((scope) => scope === name));
  return scopes.every((scope) => scope !== undefined) ? scopes : null;
}
