import type { IncomingMessage } from 'node:http';
import { readBody } from '../http-body.ts';
import { badSecretRequest, noSuchSecret, tooLarge } from './errors.ts';
import type { Reply } from './invoke.ts';

/** The secrets of a function on this machine: it reads them as it reads those of Secrets Manager, and anew when they change. */
export interface LocalSecrets {
  /** Resolves to the secret as it is now; null: there is none of this ARN. */
  fetch(arn: string): Promise<string | null>;
}

const OPERATION = 'secretsmanager.GetSecretValue';
const MAX_BODY_BYTES = 10_000;
const ACCOUNT = '123456789012';

/** `secretArn` makes the ARN under which the function finds the secret for a variable. */
export function secretArn(variable: string): string {
  return `arn:aws:secretsmanager:us-east-1:${ACCOUNT}:secret:local/${variable}`;
}

/** True for a request to Secrets Manager, which names its operation in a header. */
export function isForSecrets({ headers }: IncomingMessage): boolean {
  return headers['x-amz-target'] === OPERATION;
}

/** Answers GetSecretValue. Throws AWS's own errors. */
export async function getSecretValue(request: IncomingMessage, secrets: LocalSecrets): Promise<Reply> {
  const body = await readBody(request, MAX_BODY_BYTES);
  if (body === null) throw tooLarge(MAX_BODY_BYTES);
  const arn = parseSecretId(body);
  const secret = await secrets.fetch(arn);
  if (secret === null) throw noSuchSecret();
  return { status: 200, body: { ARN: arn, Name: arn.replace(/^.*:secret:/, ''), SecretString: secret } };
}

function parseSecretId(body: Buffer): string {
  try {
    const { SecretId } = Object(JSON.parse(body.toString())) as { readonly SecretId?: unknown };
    if (typeof SecretId === 'string') return SecretId;
  } catch {
    // No JSON: refused like JSON without a secret's id.
  }
  throw badSecretRequest();
}
