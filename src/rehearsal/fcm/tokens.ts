import { createServer, type Server } from 'node:http';
import type { MoreHeaders } from './announced.ts';

/** A stand-in for Google's token service. */
export interface TokenService {
  readonly server: Server;
  /** Whether this service has issued the access token. */
  hasIssued(token: string): boolean;
}

/** `makeTokenService` answers the token exchange (RFC 8693) of Google's client with an `external_account`. */
export function makeTokenService(headers: MoreHeaders = {}): TokenService {
  const issued = new Set<string>();
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
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
