import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Credentials with which Google's own client, unchanged, asks the sandbox for its access tokens: an `external_account`,
 * the one kind of application default credentials whose token service is an address in the file. Returns its path, for
 * GOOGLE_APPLICATION_CREDENTIALS.
 */
export function writeSandboxCredentials(folder: string, tokenUrl: string): string {
  const subject = join(folder, 'subject-token');
  writeFileSync(subject, 'sandbox');
  const path = join(folder, 'credentials.json');
  const account = {
    type: 'external_account',
    // Not in the form that names a project by number: Google's client would look that number up at Google.
    audience: 'sandbox',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    token_url: tokenUrl,
    credential_source: { file: subject },
  };
  writeFileSync(path, JSON.stringify(account));
  return path;
}
