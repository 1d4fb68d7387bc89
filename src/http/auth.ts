import type { ApiConfig } from '../config/config.ts';
import { createHash, timingSafeEqual } from 'node:crypto';
import { PushError } from '../errors.ts';
import type { HttpRequest } from '../events/http.ts';

/**
 * Lets a request through that bears one of the tokens, or whose caller the gateway vouches for if it is trusted to. Throws
 * PushError('UNAUTHENTICATED'), or ('FORBIDDEN') if the configuration lets nobody in.
 */
export function authenticate({ tokenDigests, trustsGateway }: ApiConfig, request: HttpRequest): void {
  if (tokenDigests.length === 0 && !trustsGateway) {
    const expected = 'a token in API_TOKEN, or API_AUTH=gateway, so that callers can be told apart';
    throw PushError.of('FORBIDDEN', [{ field: 'configuration', expected, got: 'neither' }]);
  }
  if (trustsGateway && request.caller !== null) return;
  const authorization = request.headers.get('authorization');
  const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (token !== undefined && isOneOf(tokenDigests, token)) return;
  throw PushError.of('UNAUTHENTICATED', [
    {
      field: 'authorization',
      expected: [
        ...(tokenDigests.length > 0 ? ['Bearer and an API token'] : []),
        ...(trustsGateway ? ["a caller that the gateway's IAM or JWT authorizer let through"] : []),
      ].join(', or '),
      got: describe(authorization, token),
    },
  ]);
}

export function digestToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** As long for a token that is nearly right as for any other: digests are compared, all of them, in constant time. */
function isOneOf(digests: readonly Buffer[], token: string): boolean {
  const digest = digestToken(token);
  return digests.filter((each) => timingSafeEqual(each, digest)).length > 0;
}

function describe(authorization: string | undefined, token: string | undefined): string {
  if (authorization === undefined) return 'nothing';
  return token === undefined ? 'something else' : 'another token';
}
