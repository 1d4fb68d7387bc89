import { createServer, type Server } from 'node:http';
import type { MoreHeaders } from './announced.ts';

/** A stand-in for Google's token service. */
export interface TokenService {
  readonly server: Server;
  /** Whether this service has issued the access token. */
  hasIssued(token: string): boolean;
}

/**
 * `makeTokenService` answers the token exchange (RFC 8693) of Google's client with an `external_account`. `answerOther` answers what
 * another service of Google's is asked by HTTP/1.1 with such a token; null: nothing.
 */
export function makeTokenService(
  headers: MoreHeaders = {},
  answerOther: (path: string) => string | null = () => null,
): TokenService {
  const issued = new Set<string>();
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      const other = request.method === 'GET' ? answerOther(request.url ?? '') : null;
      if (other !== null) {
        const isKnown = issued.has(/^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '');
        response.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' });
        response.end(isKnown ? other : '{}');
        return;
      }
      const token = `sandbox-${crypto.randomUUID()}`;
      issued.add(token);
      response.writeHead(200, { 'content-type': 'application/json', ...headers });
      response.end(
        JSON.stringify({
          access_token: token,
          issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
          token_type: 'Bearer',
          expires_in: 3600,
        }),
      );
    });
  });
  return { server, hasIssued: (token) => issued.has(token) };
}
