import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { parseScopes, type Scope, SCOPES } from '../model/scope.ts';
import type { Reader } from './env-reader.ts';

/** Who bears a token, and what the bearer may do. */
export interface ApiToken {
  /** Null: API_TOKEN gives the token no name. */
  readonly name: string | null;
  readonly scopes: readonly Scope[];
}

/** The API's tokens, kept as digests: neither the configuration nor a dump of it holds a token. */
export interface ApiTokens {
  readonly count: number;
  /** Compares with all tokens in constant time: it takes as long for a nearly right token as for any other. Null: no such token. */
  find(token: string): ApiToken | null;
  /** Signs a text with a token that `find` or `findSigner` has found: nobody can learn the token from the signature. */
  sign(owner: ApiToken, text: string): string;
  /** The token that has signed a text so, found in constant time; null: none of those that are configured now. */
  findSigner(text: string, signature: string): ApiToken | null;
}

/** `openssl rand -hex 16` prints a longer one; a token that a person makes up is mostly shorter. */
const MIN_TOKEN_LENGTH = 24;

/**
 * The form `name:scopes:token`. A token without a name is any other text: random ones have no part of small letters alone
 * between two colons, so that none is taken for a name with its scopes.
 */
const NAMED = /^([A-Za-z][\w.-]{0,63}):([a-z+]*):(.*)$/;

/** Reads API_TOKEN: tokens, or `name:scopes:token`, separated by commas or white space. */
export function readTokens(read: Reader): ApiTokens {
  const entries = read
    .text('API_TOKEN')
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .map((entry, nth) => parseEntry(read, entry, nth + 1));
  return {
    count: entries.length,
    find(token) {
      const digest = digestToken(token);
      const [found] = entries.filter((entry) => timingSafeEqual(entry.digest, digest));
      return found?.owner ?? null;
    },
    sign(owner, text) {
      const entry = entries.find((each) => each.owner === owner);
      if (!entry) throw new TypeError('expected a token of this configuration, got another one');
      return signWith(entry.digest, text).toString('base64url');
    },
    findSigner(text, signature) {
      const got = digestToken(signature);
      const [found] = entries.filter(({ digest }) =>
        timingSafeEqual(digestToken(signWith(digest, text).toString('base64url')), got),
      );
      return found?.owner ?? null;
    },
  };
}

function parseEntry(read: Reader, entry: string, nth: number): { digest: Buffer; owner: ApiToken } {
  const [, name = null, words = 'admin', token = entry] = NAMED.exec(entry) ?? [];
  const scopes = parseScopes(words);
  if (scopes === null) {
    read.complain('API_TOKEN', `scopes of ${SCOPES.join(', ')}, joined by +`, `others in entry ${nth}`);
  }
  if (token.length < MIN_TOKEN_LENGTH) {
    read.complain('API_TOKEN', `tokens of at least ${MIN_TOKEN_LENGTH} characters`, `one of ${token.length}`);
  }
  return { digest: digestToken(token), owner: { name, scopes: scopes ?? [] } };
}

function signWith(digest: Buffer, text: string): Buffer {
  return createHmac('sha256', digest).update(text).digest();
}

function digestToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
