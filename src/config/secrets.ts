import type { Env } from './env-reader.ts';
import { PushError } from '../errors.ts';

/** https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html#iam-resources */
const SECRET_ARN = /^arn:aws[a-z-]*:secretsmanager:([a-z0-9-]+):\d{12}:secret:\S+$/;

/**
 * Replaces every variable that is the ARN of a secret by that secret: a Lambda function's variables hold 4 KB in all, and
 * every user who may view the function can read them. PushError('BAD_CONFIG') names the variable.
 */
export async function resolveSecrets(env: Env): Promise<Env> {
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
    const client = new SecretsManagerClient({ region });
    try {
      const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: arn }));
      if (SecretString !== undefined) return [name, SecretString];
      throw new Error('expected text, got binary data');
    } catch (cause) {
      const why = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
      throw new PushError('BAD_CONFIG', `${name}: ${arn} cannot be read: ${why}`, { cause });
    } finally {
      client.destroy();
    }
  };
  return { ...env, ...Object.fromEntries(await Promise.all(references.map(fetchSecret))) };
}
