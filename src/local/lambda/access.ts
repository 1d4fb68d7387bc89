import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { accessDenied, unknownAccessKey, unsigned } from './errors.ts';

/** Credentials for the AWS SDKs and the `aws` command line. The key id is the secret of one run. */
export interface LocalCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const ACCESS_KEY_BYTES = 20;

/** https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html */
const SIGNATURE = /^AWS4-HMAC-SHA256 +Credential=([^/,\s]+)\//;

/**
 * `makeCredentials` makes an access key id that nobody can guess. AWS's own begin with AKIA or ASIA: this one cannot be taken
 * for one of those, and signing with it grants nothing anywhere else.
 */
export function makeCredentials(): LocalCredentials {
  return { accessKeyId: `LOCAL${randomBytes(ACCESS_KEY_BYTES).toString('hex')}`, secretAccessKey: 'local' };
}

/**
 * `checkAccess` throws AWS's own errors for a request that does not come from a client with the credentials. A web page can
 * reach every port of the machine that it is opened on: with a name of its own that resolves to loopback (a foreign Host), or
 * as another origin.
 */
export function checkAccess(
  headers: IncomingHttpHeaders,
  hosts: readonly string[],
  { accessKeyId }: LocalCredentials,
): void {
  if (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined) {
    throw accessDenied('The local Lambda answers no web page.');
  }
  if (!hosts.includes(headers.host ?? '')) {
    throw accessDenied(`The local Lambda answers requests to ${hosts.join(' or ')} only.`);
  }
  const [, key] = SIGNATURE.exec(headers.authorization ?? '') ?? [];
  if (key === undefined) throw unsigned();
  if (!isSame(key, accessKeyId)) throw unknownAccessKey();
}

function isSame(one: string, two: string): boolean {
  return timingSafeEqual(digest(one), digest(two));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
