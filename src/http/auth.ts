import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';
import type { HttpRequest } from '../events/http.ts';

/**
 * Accepts a request with one of the API's tokens, or one whose caller a trusted gateway has let through. Throws
 * PushError('UNAUTHENTICATED'), or ('FORBIDDEN') if the configuration accepts no caller at all.
 */
export function authenticate({ config }: Pick<Context, 'config'>, request: HttpRequest): void {
  const { tokens, trustsGateway } = config.api;
  if (tokens.count === 0 && !trustsGateway) {
    const expected = 'a token in API_TOKEN, or API_AUTH=gateway, to authenticate callers';
    throw PushError.of('FORBIDDEN', [{ field: 'configuration', expected, got: 'neither' }]);
  }
  if (trustsGateway && request.caller !== null) return;
  const authorization = request.headers.get('authorization');
  const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (token !== undefined && tokens.has(token)) return;
  throw PushError.of('UNAUTHENTICATED', [
    {
      field: 'authorization',
      expected: [
        ...(tokens.count > 0 ? ['Bearer and an API token'] : []),
        ...(trustsGateway ? ["a caller that the gateway's IAM or JWT authorizer let through"] : []),
      ].join(', or '),
      got: describe(authorization, token),
    },
  ]);
}

/** What was got in the header, without its value. */
function describe(authorization: string | undefined, token: string | undefined): string {
  if (authorization === undefined) return 'nothing';
  return token === undefined ? 'something else' : 'another token';
}
