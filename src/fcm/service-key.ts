import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { FcmCredentials } from '../config/config.ts';
import { parseKeyId } from './account.ts';

/** What is known of the key of a service account, but for the key. */
export interface ServiceKey {
  readonly email: string;
  readonly keyId: string;
  /** A part of the hash of the key's id: it may be printed and recorded. */
  readonly hash: string;
}

/** Reads which key a source has; null: it has none of its own, or it cannot be read, which the doctor reports. */
export function readServiceKey(credentials: FcmCredentials): ServiceKey | null {
  const content = contentOf(credentials);
  const found = content === null ? null : parseKeyId(content);
  if (found === null) return null;
  return { ...found, hash: createHash('sha256').update(found.keyId).digest('hex').slice(0, 12) };
}

function contentOf(credentials: FcmCredentials): Uint8Array | string | null {
  switch (credentials.kind) {
    case 'none':
    case 'application-default':
      return null;
    case 'inline':
      return credentials.json;
    case 'file':
      try {
        return readFileSync(credentials.path);
      } catch {
        return null;
      }
  }
}
