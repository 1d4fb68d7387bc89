import { type ApiTokens, readTokens } from './api-tokens.ts';
import { show } from '../show.ts';
import type { Reader } from './env-reader.ts';
import { type GatewayGrants, readGrants } from './gateway-grants.ts';

export type { ApiToken, ApiTokens } from './api-tokens.ts';

/** Who may use the HTTP API. Without tokens and without a trusted gateway, no caller may. */
export interface ApiConfig {
  readonly tokens: ApiTokens;
  /** True: the API believes what the IAM or JWT authorizer of API Gateway or a function URL says of a caller. */
  readonly trustsGateway: boolean;
  readonly grants: GatewayGrants;
  /** Path prefix to strip, such as `/baton`; or empty. */
  readonly basePath: string;
}

export function readApi(read: Reader): ApiConfig {
  const basePath = read.text('API_BASE_PATH').replace(/\/$/, '');
  if (!/^(\/[^/?#\s]+)*$/.test(basePath)) {
    read.complain('API_BASE_PATH', 'the beginning of a path, such as /baton', show(basePath));
  }
  return {
    tokens: readTokens(read),
    trustsGateway: read.oneOf('API_AUTH', ['token', 'gateway']) === 'gateway',
    grants: readGrants(read),
    basePath,
  };
}
