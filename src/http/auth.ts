import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';
import type { HttpRequest } from '../events/http.ts';
import { nameOfCaller } from '../model/gateway-caller.ts';
import { covers, type Scope } from '../model/scope.ts';
import type { Route } from './route.ts';
import { checkPageKey, findSession } from './session.ts';

/** Who sent a request, and what the sender may do. */
export interface Caller {
  /** The name for the log; null: a token without a name. */
  readonly name: string | null;
  readonly scopes: readonly Scope[];
  /** True: a gateway named the caller, and API_GATEWAY_GRANTS gives the scopes. */
  readonly isFromGateway: boolean;
}

/**
 * Finds the caller by one of the API's tokens, or by the word of a trusted gateway. Throws PushError('UNAUTHENTICATED'), or
 * ('FORBIDDEN') if the configuration accepts no caller at all.
 */
export function authenticate({ config }: Pick<Context, 'config'>, request: HttpRequest): Caller {
  const { tokens, trustsGateway, grants } = config.api;
  if (tokens.count === 0 && !trustsGateway) {
    const expected = 'a token in API_TOKEN, or API_AUTH=gateway, to authenticate callers';
    throw PushError.of('FORBIDDEN', [{ field: 'configuration', expected, got: 'neither' }]);
  }
  const authorization = request.headers.get('authorization');
  const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  const owner = token === undefined ? null : tokens.find(token);
  if (owner !== null) return { ...owner, isFromGateway: false };
  if (trustsGateway && request.caller !== null) {
    return {
      name: nameOfCaller(request.caller),
      scopes: grants.scopesOf(request.caller),
      isFromGateway: true,
    };
  }
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

/**
 * The caller of a route by the session of the dashboard; null: none, or the route does not accept it. A session reads what
 * needs the scope `read`; a route that changes something accepts it by `acceptsSession`, from a page of the session's own
 * only: else PushError('FORBIDDEN').
 */
export function findSessionCaller(
  ctx: Pick<Context, 'config' | 'clock'>,
  request: HttpRequest,
  { method, scope, acceptsSession = false }: Pick<Route, 'method' | 'scope' | 'acceptsSession'>,
): Caller | null {
  const isReading = method === 'GET' && scope === 'read';
  if (!(isReading || acceptsSession) || request.headers.has('authorization')) return null;
  const session = findSession(ctx, request);
  if (session === null) return null;
  if (!isReading) checkPageKey(ctx, request, session);
  return { ...session.owner, isFromGateway: false };
}

/** Throws PushError('FORBIDDEN') if the caller lacks the scope, which the field of that name in the request may need. */
export function authorize({ scopes, isFromGateway }: Caller, scope: Scope, field = 'caller'): void {
  if (covers(scopes, scope)) return;
  const needed = scope === 'admin' ? scope : `${scope} or admin`;
  const expected = `the scope ${needed}${isFromGateway ? ', by API_GATEWAY_GRANTS' : ''}`;
  const got = scopes.length === 0 ? 'no scope' : scopes.join('+');
  throw PushError.of('FORBIDDEN', [{ field, expected, got }]);
}

/** What was got in the header, without its value. */
function describe(authorization: string | undefined, token: string | undefined): string {
  if (authorization === undefined) return 'nothing';
  return token === undefined ? 'something else' : 'another token';
}
