import { createHash, timingSafeEqual } from 'node:crypto';
import { show } from '../show.ts';
import type { Reader } from './env-reader.ts';

/** Who may use the HTTP API. Without tokens and without a trusted gateway, no caller may. */
export interface ApiConfig {
  readonly tokens: ApiTokens;
  /** True: the API accepts a caller that the IAM or JWT authorizer of API Gateway or a function URL has let through. */
  readonly trustsGateway: boolean;
  /** Path prefix to strip, such as `/baton`; or empty. */
  readonly basePath: string;
}

/** The API's tokens, kept as digests: neither the configuration nor a dump of it holds a token. */
export interface ApiTokens {
  readonly count: number;
  /** Compares with all tokens in constant time: it takes as long for a nearly right token as for any other. */
  has(token: string): boolean;
}

/** `openssl rand -hex 16` prints a longer one; a token that a person makes up is mostly shorter. */
const MIN_TOKEN_LENGTH = 24;

export function readApi(read: Reader): ApiConfig {
  const tokens = read
    .text('API_TOKEN')
    .split(/[\s,]+/)
    .filter((token) => token !== '');
  for (const { length } of tokens) {
    if (length >= MIN_TOKEN_LENGTH) continue;
    read.complain('API_TOKEN', `tokens of at least ${MIN_TOKEN_LENGTH} characters`, `one of ${length}`);
  }
  const basePath = read.text('API_BASE_PATH').replace(/\/$/, '');
  if (!/^(\/[^/?#\s]+)*$/.test(basePath)) {
    read.complain('API_BASE_PATH', 'the beginning of a path, such as /baton', show(basePath));
  }
  return {
    tokens: makeTokens(tokens),
    trustsGateway: read.oneOf('API_AUTH', ['token', 'gateway']) === 'gateway',
    basePath,
  };
}

function makeTokens(tokens: readonly string[]): ApiTokens {
  const digests = tokens.map(digestToken);
  return {
    count: digests.length,
    has(token) {
      const digest = digestToken(token);
      return digests.filter((each) => timingSafeEqual(each, digest)).length > 0;
    },
  };
}

function digestToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
