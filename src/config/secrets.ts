import { hearAnswers, type OnAnswer } from '../announced.ts';
import type { Env } from './env-reader.ts';
import { cutText, PushError } from '../errors.ts';

/** https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html#iam-resources */
const SECRET_ARN = /^arn:aws[a-z-]*:secretsmanager:([a-z0-9-]+):\d{12}:secret:\S+$/;

/** Secrets Manager answers in milliseconds. The SDK's default is to wait without a limit. */
const TIMEOUTS = { connectionTimeout: 3000, requestTimeout: 5000, throwOnRequestTimeout: true };

/** True if a variable is the ARN of a secret, so that the environment may mean something else when it is resolved again. */
export function hasSecrets(env: Env): boolean {
  return Object.values(env).some((value = '') => SECRET_ARN.test(value));
}

/**
 * Replaces every variable that is the ARN of a secret by that secret: a Lambda function's variables hold 4 KB in all, and
 * every user who may view the function can read them. `hear` gets the headers of the answers. PushError('BAD_CONFIG') names the
 * variable.
 */
export async function resolveSecrets(env: Env, hear?: OnAnswer): Promise<Env> {
  const references = Object.entries(env).flatMap(([name, value = '']) => {
    const region = SECRET_ARN.exec(value)?.[1];
    return region === undefined ? [] : [{ name, arn: value, region }];
  });
  if (references.length === 0) return env;
  const { SecretsManagerClient, GetSecretValueCommand } = await import('@aws-sdk/client-secrets-manager');
  const fetchSecret = async ({
    name,
    arn,
    region,
  }: (typeof references)[number]): Promise<[string, string]> => {
    const client = new SecretsManagerClient({ region, requestHandler: TIMEOUTS });
    try {
      const command = new GetSecretValueCommand({ SecretId: arn });
      const { SecretString } = await hearAnswers(hear, () => client.send(command));
      if (SecretString !== undefined) return [name, SecretString];
      throw new Error('expected text, got binary data');
    } catch (cause) {
      const why = cause instanceof Error ? `${cause.name}: ${cause.message}` : 'unknown';
      // What answers in place of Secrets Manager, such as a proxy, may say anything.
      const shown = cutText(why.replaceAll(arn, 'the secret').replaceAll(/[\s\p{C}]+/gu, ' '));
      throw new PushError('BAD_CONFIG', `${name}: its secret cannot be read: ${shown}`, { cause });
    } finally {
      client.destroy();
    }
  };
  return { ...env, ...Object.fromEntries(await Promise.all(references.map(fetchSecret))) };
}
