import { readFile } from 'node:fs/promises';
import { SDK_VERSION } from 'firebase-admin/app';

/** What this process runs on. */
export interface Running {
  /** Such as `v24.21.0`. */
  readonly node: string;
  /** The version of Amazon Linux, such as `2023`; null: another system. */
  readonly amazonLinux: string | null;
  /** Such as `14.5.1`. */
  readonly firebaseAdmin: string;
}

export async function fetchRunning(): Promise<Running> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return { node: process.version, amazonLinux: parseAmazonLinux(release), firebaseAdmin: SDK_VERSION };
}

/** Reads https://www.freedesktop.org/software/systemd/man/latest/os-release.html */
export function parseAmazonLinux(release: string): string | null {
  const valueOf = (name: string) => new RegExp(`^${name}="?([^"\\n]*)"?$`, 'm').exec(release)?.[1];
  return valueOf('ID') === 'amzn' ? (valueOf('VERSION_ID') ?? null) : null;
}
