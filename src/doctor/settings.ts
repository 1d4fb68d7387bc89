import { type Config, type Env, readConfig } from '../config/config.ts';
import type { Clock } from '../context.ts';
import { describeProblem, messageOf } from '../errors.ts';
import { resolveSecrets } from '../config/secrets.ts';
import { type Finding, green, red, within } from './check.ts';

/** The configuration, as far as it can be read. */
export interface Settings {
  readonly config: Config;
  /** Names of the invalid variables; the configuration has their defaults. */
  readonly invalid: readonly string[];
  readonly finding: Finding;
}

/** Reads the configuration, each secret separately: the other variables are read even if one secret cannot be. */
export async function readSettings(env: Env, clock: Clock, limitMs: number): Promise<Settings> {
  const read = await Promise.allSettled(
    Object.entries(env).map(([name, value]) =>
      within(clock, limitMs, () => resolveSecrets({ [name]: value })),
    ),
  );
  const names = Object.keys(env);
  const unread = read.flatMap((result, nth) =>
    result.status === 'rejected' ? [{ name: names[nth] ?? '', says: messageOf(result.reason) }] : [],
  );
  const resolved = read.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const { config, problems } = readConfig(Object.assign({}, ...resolved) as Env);
  const hasProxy = isProxied(config.fcm.endpoint, env);
  const says = [
    ...unread.map(({ name, says: why }) => (why.startsWith(name) ? why : `${name}: its secret: ${why}`)),
    ...problems.map(describeProblem),
    ...(hasProxy ? ['HTTPS_PROXY: expected none for FCM, because HTTP/2 goes past proxies, got one'] : []),
  ];
  return {
    config,
    invalid: [...unread.map(({ name }) => name), ...problems.map(({ field }) => field)],
    finding:
      says.length === 0
        ? green(`stage ${config.stage}; sources: ${[...config.sources.keys()].join(', ')}`)
        : red(
            says.join('; '),
            unread.length === 0
              ? adviseOnVariables(problems.length > 0, hasProxy)
              : 'allow secretsmanager:GetSecretValue on the secret, and give the VPC a route to Secrets Manager ' +
                  '(a NAT gateway, or an interface endpoint)',
          ),
  };
}

function adviseOnVariables(areInvalid: boolean, hasProxy: boolean): string {
  return [
    ...(areInvalid ? ['set these variables to an expected value'] : []),
    ...(hasProxy ? ['give this machine a route to FCM, and add .googleapis.com to NO_PROXY'] : []),
  ].join('; ');
}

/** The host from which Google's client fetches access tokens. */
const TOKEN_HOST = 'oauth2.googleapis.com';

/**
 * True if the environment sends requests to this address, or those for access tokens, through a proxy. Google's client would
 * then fetch its tokens through the proxy, and Baton would send the pushes past it.
 */
export function isProxied(address: string, env: Env): boolean {
  const { protocol, hostname } = new URL(address);
  // Google's client takes the proxy for HTTP if there is none for HTTPS.
  const proxy = env['HTTPS_PROXY'] || env['https_proxy'] || env['HTTP_PROXY'] || env['http_proxy'];
  if (!proxy || protocol !== 'https:') return false;
  const exceptions = (env['NO_PROXY'] ?? env['no_proxy'] ?? '').split(',').map((each) => each.trim());
  return [hostname, TOKEN_HOST].some((host) => !exceptions.some((exception) => isException(exception, host)));
}

/** Google's client knows a whole name, and the end of one from a dot on: no `*` alone, no port, no end without a dot. */
function isException(exception: string, host: string): boolean {
  const end = exception.replace(/^\*\./, '.');
  return end.startsWith('.') ? host.endsWith(end) : host === end;
}
