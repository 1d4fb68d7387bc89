import * as z from 'zod';
import type { Clock } from '../context.ts';

const TIMEOUT_MS = 5000;
const MAX_BYTES = 500_000;
const certificatesSchema = z.record(z.string(), z.string());

/** Google's public certificates of a service account's keys: the address that each service account file names, too. */
const CERTIFICATES = 'https://www.googleapis.com/robot/v1/metadata/x509/';

/** Fetches the certificates of a service account, by key id. Anybody may read them; the account's name goes to Google alone. */
export async function fetchCertificates(email: string, clock: Clock): Promise<ReadonlyMap<string, string>> {
  const response = await fetch(`${CERTIFICATES}${encodeURIComponent(email)}`, {
    redirect: 'error',
    signal: clock.timeout(TIMEOUT_MS),
  }).catch(() => null);
  if (response === null) throw new Error('Google did not answer');
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`Google answered HTTP ${response.status}`);
  }
  let text = '';
  const decoder = new TextDecoder();
  for await (const part of response.body ?? []) {
    text += decoder.decode(part, { stream: true });
    if (text.length > MAX_BYTES) throw new Error(`Google's answer: expected at most ${MAX_BYTES} bytes`);
  }
  return new Map(Object.entries(certificatesSchema.parse(JSON.parse(text))));
}
