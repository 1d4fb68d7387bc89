import type { GatewayCaller } from '../model/gateway-caller.ts';
import { parseScopes, type Scope } from '../model/scope.ts';
import type { Reader } from './env-reader.ts';

/** What the callers that a gateway has let through may do. Without a grant they may do nothing that needs a scope. */
export interface GatewayGrants {
  readonly count: number;
  scopesOf(caller: GatewayCaller): Scope[];
}

const EXAMPLES =
  'scope:NAME=SCOPES, group:NAME=SCOPES or arn:…=SCOPES, with SCOPES such as send or read+send';

interface Grant {
  readonly matches: (caller: GatewayCaller) => boolean;
  readonly scopes: readonly Scope[];
}

/** Reads API_GATEWAY_GRANTS: grants separated by commas or white space. */
export function readGrants(read: Reader): GatewayGrants {
  const entries = read
    .text('API_GATEWAY_GRANTS')
    .split(/[\s,]+/)
    .filter((entry) => entry !== '');
  const grants = entries.flatMap((entry, nth) => {
    const grant = parseGrant(entry);
    if (grant !== null) return [grant];
    read.complain('API_GATEWAY_GRANTS', EXAMPLES, `something else in entry ${nth + 1}`);
    return [];
  });
  return {
    count: grants.length,
    scopesOf: (caller) =>
      grants.filter(({ matches }) => matches(caller)).flatMap(({ scopes }) => [...scopes]),
  };
}

function parseGrant(entry: string): Grant | null {
  const equals = entry.lastIndexOf('=');
  const scopes = parseScopes(entry.slice(equals + 1));
  const matches = equals === -1 ? null : parseCondition(entry.slice(0, equals));
  return scopes === null || matches === null ? null : { matches, scopes };
}

function parseCondition(text: string): Grant['matches'] | null {
  const [, kind, name = ''] = /^(scope|group|arn):(.+)$/.exec(text) ?? [];
  if (kind === 'scope') return (caller) => caller.kind === 'jwt' && caller.scopes.includes(name);
  if (kind === 'group') return (caller) => caller.kind === 'jwt' && caller.groups.includes(name);
  if (kind !== 'arn') return null;
  const pattern = parseArnPattern(text);
  return (caller) => caller.kind === 'iam' && pattern.test(caller.arn);
}

/** `*` stands for any characters but `:` and `/`: a pattern for one account or role never matches another. */
function parseArnPattern(text: string): RegExp {
  return new RegExp(`^${text.split(/\*+/).map(escape).join('[^:/]*')}$`);
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
