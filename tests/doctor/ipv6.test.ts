import { LambdaClient } from '@aws-sdk/client-lambda';
import { SNSClient } from '@aws-sdk/client-sns';
import { afterEach, expect, test, vi } from 'vitest';
import { SNS_NAME } from '../../src/alert/sns.ts';
import { hostOfLambda, judgeIpv6 } from '../../src/doctor/ipv6.ts';

const FCM = 'https://fcm.googleapis.com';
const SECRET = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:baton/database-url-AbCdEf';
const VARIABLES: Readonly<Record<string, string>> = {
  AWS_USE_DUALSTACK_ENDPOINT: 'true',
  DATABASE_URL: SECRET,
  ALERT_SNS_TOPIC_ARN: 'arn:aws:sns:eu-central-1:123456789012:alarms',
};

function judge(
  hasIpv6: (host: string) => boolean,
  { ipv6 = true, vpc = 'vpc-1', variables = VARIABLES } = {},
) {
  return judgeIpv6(
    { VpcConfig: { VpcId: vpc, Ipv6AllowedForDualStack: ipv6 }, Environment: { Variables: variables } },
    FCM,
    async (useDualstack) => `lambda.eu-central-1.${useDualstack ? 'api.aws' : 'amazonaws.com'}`,
    async (host) => hasIpv6(host),
  );
}

afterEach(() => vi.unstubAllEnvs());

test('no name is looked up for a function that does not use IPv6', async () => {
  const never = (): never => {
    throw new Error('expected no question');
  };
  expect(await judge(never, { ipv6: false })).toEqual({ ok: true, says: 'not used', advice: null });
  expect(await judge(never, { vpc: '' })).toMatchObject({ ok: true, advice: null });
});

test('every name that the function connects to is looked up, and no other', async () => {
  expect(await judge(() => true)).toEqual({
    ok: true,
    says:
      'all names have an IPv6 address: fcm.googleapis.com, oauth2.googleapis.com, lambda.eu-central-1.api.aws, ' +
      'secretsmanager.eu-central-1.amazonaws.com, sns.eu-central-1.amazonaws.com',
    advice: null,
  });
  const { says } = await judge(() => true, { variables: { AWS_USE_DUALSTACK_ENDPOINT: 'true' } });
  expect(says).not.toMatch(/secretsmanager|sns/);
});

test('a name without an IPv6 address is amber, and not red: a NAT gateway may be there', async () => {
  expect(await judge((host) => !host.startsWith('sns'))).toEqual({
    ok: true,
    level: 'amber',
    says: 'no IPv6 address: sns.eu-central-1.amazonaws.com',
    advice: 'keep a NAT gateway in the subnets, or for the services of AWS interface endpoints in the VPC',
  });
});

test('a function without the variable of the template asks for the IPv4 name of Lambda, and is amber', async () => {
  expect(await judge((host) => !host.endsWith('amazonaws.com'), { variables: {} })).toEqual({
    ok: true,
    level: 'amber',
    says: 'no IPv6 address: lambda.eu-central-1.amazonaws.com',
    advice: 'set AWS_USE_DUALSTACK_ENDPOINT to true, as the template does with Ipv6=yes',
  });
});

test('with the variable of the template, Lambda is reached by its dual-stack name, and SNS by its plain one', async () => {
  vi.stubEnv('AWS_USE_DUALSTACK_ENDPOINT', 'true');
  const region = 'eu-central-1';
  const lambda = new LambdaClient({ region });
  expect(await lambda.config.useDualstackEndpoint()).toBe(true);
  expect(await hostOfLambda(lambda, true)).toBe('lambda.eu-central-1.api.aws');
  expect(await hostOfLambda(lambda, false)).toBe('lambda.eu-central-1.amazonaws.com');
  expect(await new SNSClient({ region, ...SNS_NAME }).config.useDualstackEndpoint()).toBe(false);
});
