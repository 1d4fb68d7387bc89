import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';
import type { HttpRequest } from '../events/http.ts';
import { drawRandom } from '../id.ts';

/*
 * The session of a browser that is signed in to the dashboard. No server keeps it: the cookie holds the time at which it ends,
 * signed with the API token that the browser has sent once. So it ends with the token, and nobody who reads the cookie learns
 * the token.
 */

type Tokens = Context['config']['api']['tokens'];
type ApiToken = NonNullable<ReturnType<Tokens['find']>>;

export const SESSION_SECONDS = 12 * 3600;

/** The header in which a page of the dashboard sends its key with whatever changes something. */
export const PAGE_KEY_HEADER = 'x-page-key';

const SESSION = /^(v1\.([a-z0-9]{1,10})\.[\w-]{16})\.([\w-]{43})$/;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i;
/** A path that ends no attribute of a cookie. */
const COOKIE_PATH = /^(\/[\w.~%-]+)+$/;

export interface Session {
  readonly owner: ApiToken;
  /** The signed text. */
  readonly text: string;
}

type Checks = Pick<Context, 'config' | 'clock'>;

/** The cookie of a new session for a token's owner. Throws PushError('FORBIDDEN') where the browser would not keep it. */
export function makeSessionCookie({ config, clock }: Checks, request: HttpRequest, owner: ApiToken): string {
  // A browser says by the page's own address whether it is encrypted; a proxy may not say it.
  if (!isLoopback(request) && request.headers.get('origin')?.startsWith('http:') === true) {
    const expected = 'a page that is opened by https, or on this machine';
    throw PushError.of('FORBIDDEN', [{ field: 'origin', expected, got: 'http, which everybody can read' }]);
  }
  const endsAt = Math.floor(clock.now() / 1000) + SESSION_SECONDS;
  const text = `v1.${endsAt.toString(36)}.${drawRandom(12).toString('base64url')}`;
  const value = `${text}.${config.api.tokens.sign(owner, textOfSession(text))}`;
  return writeCookie(request, value, SESSION_SECONDS);
}

/** The cookie that ends the session in the browser. */
export function makeEndCookie(request: HttpRequest): string {
  return writeCookie(request, '', 0);
}

/** The session that a request's cookie proves; null: none, or one that has ended. */
export function findSession({ config, clock }: Checks, request: HttpRequest): Session | null {
  const [, text = '', endsAt = '', signature = ''] = SESSION.exec(readCookie(request)) ?? [];
  const owner = text === '' ? null : config.api.tokens.findSigner(textOfSession(text), signature);
  if (owner === null || parseInt(endsAt, 36) * 1000 <= clock.now()) return null;
  return { owner, text };
}

/** What a page of the session has to send with whatever changes something: no page of another site can read it. */
export function pageKeyOf({ config }: Pick<Context, 'config'>, { owner, text }: Session): string {
  return config.api.tokens.sign(owner, textOfPage(text));
}

/** Throws PushError('FORBIDDEN') for a change that no page of the session's own asks for. */
export function checkPageKey(
  { config }: Pick<Context, 'config'>,
  request: HttpRequest,
  session: Session,
): void {
  checkOrigin(request);
  const key = request.headers.get(PAGE_KEY_HEADER) ?? '';
  if (config.api.tokens.findSigner(textOfPage(session.text), key) === session.owner) return;
  const got = key === '' ? 'nothing' : 'another one';
  throw PushError.of('FORBIDDEN', [{ field: PAGE_KEY_HEADER, expected: 'the key of the page', got }]);
}

/** Throws PushError('FORBIDDEN') for a request of a page of another site. https://www.w3.org/TR/fetch-metadata/ */
export function checkOrigin({ headers }: HttpRequest): void {
  const site = headers.get('sec-fetch-site');
  const origin = headers.get('origin');
  // Only browsers send the first, and not over plain HTTP. Text that is no address has no host.
  const isOwn =
    site === undefined
      ? origin !== undefined && URL.canParse(origin) && new URL(origin).host === headers.get('host')
      : site === 'same-origin';
  if (isOwn) return;
  const expected = 'a request of a page of the dashboard';
  const got = site === undefined && origin === undefined ? 'no origin' : 'another origin';
  throw PushError.of('FORBIDDEN', [{ field: 'origin', expected, got }]);
}

/** What is signed begins with its purpose, so that no signature serves another one. */
function textOfSession(text: string): string {
  return `session ${text}`;
}

function textOfPage(text: string): string {
  return `page ${text}`;
}

function isLoopback({ headers }: HttpRequest): boolean {
  return LOOPBACK.test(headers.get('host') ?? '') && headers.get('x-forwarded-proto') !== 'https';
}

/** The prefix of the name makes the browser refuse such a cookie without Secure, or from another host. */
function describeCookie(request: HttpRequest): { name: string; path: string; isSecure: boolean } {
  const path = COOKIE_PATH.test(request.prefix) ? request.prefix : '/';
  if (isLoopback(request)) return { name: 'baton', path, isSecure: false };
  return { name: path === '/' ? '__Host-baton' : '__Secure-baton', path, isSecure: true };
}

function writeCookie(request: HttpRequest, value: string, maxAge: number): string {
  const { name, path, isSecure } = describeCookie(request);
  const attributes = [`Path=${path}`, `Max-Age=${maxAge}`, 'HttpOnly', 'SameSite=Strict'];
  return [`${name}=${value}`, ...attributes, ...(isSecure ? ['Secure'] : [])].join('; ');
}

function readCookie(request: HttpRequest): string {
  const { name } = describeCookie(request);
  const cookies = (request.headers.get('cookie') ?? '').split(/; */);
  return cookies.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
}
