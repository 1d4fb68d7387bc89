export type FcmCredentials =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'inline'; readonly json: string }
  | { readonly kind: 'application-default' }
  | { readonly kind: 'none' };

/** Longer than any usual path: a service account in base64, for example. */
const MAX_PATH_LENGTH = 500;

/** Text that is no path: it has several lines, or begins with a brace, also behind a byte order mark, quotes or blanks. */
const NO_PATH = /^[\s\uFEFF'"`\\]*\{|[\r\n]|-----BEGIN/;

/**
 * Parses FCM_CREDENTIALS. Consoles, templates and Docker's --env-file keep the quotes around a value: they are not part of a
 * path. What text that is no path holds, fcm/account.ts finds out.
 */
export function parseCredentials(text: string | null): FcmCredentials {
  if (text === null || text.trim() === '') return { kind: 'none' };
  if (text.length > MAX_PATH_LENGTH || NO_PATH.test(text)) return { kind: 'inline', json: text };
  const path = text.trim().replace(/^(["'])(.*)\1$/, '$2');
  return path === 'application-default' ? { kind: path } : { kind: 'file', path };
}
