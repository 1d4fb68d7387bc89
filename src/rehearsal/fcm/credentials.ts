import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * `writeSandboxCredentials` writes credentials with which Google's own client, unchanged, gets its access tokens from the
 * sandbox. They are an `external_account`: the only kind of application default credentials whose file names the address of
 * the token service. Returns the path of the file, for GOOGLE_APPLICATION_CREDENTIALS.
 */
export function writeSandboxCredentials(folder: string, tokenUrl: string): string {
  const subject = join(folder, 'subject-token');
  writeFileSync(subject, 'sandbox');
  const path = join(folder, 'credentials.json');
  const account = {
    type: 'external_account',
    // Must not have the form that names a project by number: Google's client would look that number up at Google.
    audience: 'sandbox',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    token_url: tokenUrl,
    credential_source: { file: subject },
  };
  writeFileSync(path, JSON.stringify(account));
  return path;
}
