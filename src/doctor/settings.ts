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

/**
 * True if the environment sends requests to this address through a proxy. Google's client would then fetch its tokens through
 * the proxy, and Baton would send the pushes past it.
 */
export function isProxied(address: string, env: Env): boolean {
  const { protocol, hostname } = new URL(address);
  const proxy = env['HTTPS_PROXY'] || env['https_proxy'];
  if (!proxy || protocol !== 'https:') return false;
  const exceptions = (env['NO_PROXY'] || env['no_proxy'] || '').split(/[\s,]+/);
  return !exceptions.some((exception) => {
    const name = exception.replace(/:\d+$/, '').replace(/^\*?\./, '');
    return name === '*' || (name !== '' && (hostname === name || hostname.endsWith(`.${name}`)));
  });
}
