import { lookup } from 'node:dns/promises';
import type { FunctionConfiguration, LambdaClient } from '@aws-sdk/client-lambda';
import { hasSecrets } from '../config/secrets.ts';
import { codeOf } from '../errors.ts';
import { amber, type Finding, green } from './check.ts';

/** Where google-auth-library fetches access tokens. */
const TOKEN_HOST = 'oauth2.googleapis.com';
const DUALSTACK = 'AWS_USE_DUALSTACK_ENDPOINT';

const NO_ADDRESS = ['ENOTFOUND', 'ENODATA'];

/** True if the name has an IPv6 address. */
export type HasIpv6 = (host: string) => Promise<boolean>;

/**
 * Judges a function that may use IPv6: without a NAT gateway it reaches only names that have an IPv6 address. Whether there is
 * one is not visible here, so nothing is red, but amber: the checks of the connections say what cannot be reached.
 */
export async function judgeIpv6(
  { VpcConfig, Environment }: Pick<FunctionConfiguration, 'VpcConfig' | 'Environment'>,
  fcmEndpoint: string,
  findLambda: (useDualstack: boolean) => Promise<string>,
  hasIpv6: HasIpv6 = resolvesToIpv6,
): Promise<Finding> {
  if (!VpcConfig?.VpcId) return green('not needed, because the function is in no VPC');
  if (VpcConfig.Ipv6AllowedForDualStack !== true) return green('not used');
  const variables = Environment?.Variables ?? {};
  const useDualstack = variables[DUALSTACK] === 'true';
  const lambda = await findLambda(useDualstack);
  const region = /^lambda\.([a-z0-9-]+)\./.exec(lambda)?.[1] ?? '';
  const hosts = [
    new URL(fcmEndpoint).hostname,
    TOKEN_HOST,
    lambda,
    // The plain names of these two have IPv6 addresses, and Baton asks for no others.
    hasSecrets(variables) ? `secretsmanager.${region}.amazonaws.com` : [],
    variables['ALERT_SNS_TOPIC_ARN'] ? `sns.${region}.amazonaws.com` : [],
  ].flat();
  const found = await Promise.all(hosts.map(hasIpv6));
  const missing = hosts.filter((_, nth) => found[nth] !== true);
  if (missing.length === 0) return green(`all names have an IPv6 address: ${hosts.join(', ')}`);
  const says = `no IPv6 address: ${missing.join(', ')}`;
  if (missing.includes(lambda) && !useDualstack) {
    return amber(says, `set ${DUALSTACK} to true, as the template does with Ipv6=yes`);
  }
  return amber(
    says,
    'keep a NAT gateway in the subnets, or for the services of AWS interface endpoints in the VPC',
  );
}

/** The name under which AWS's own client reaches Lambda. */
export async function hostOfLambda(client: LambdaClient, useDualstack: boolean): Promise<string> {
  const Region = await client.config.region();
  const { url } = client.config.endpointProvider({ Region, UseDualStack: useDualstack, UseFIPS: false });
  return url.hostname;
}

async function resolvesToIpv6(host: string): Promise<boolean> {
  try {
    await lookup(host, { family: 6 });
    return true;
  } catch (error) {
    if (NO_ADDRESS.includes(codeOf(error) ?? '')) return false;
    throw error;
  }
}
