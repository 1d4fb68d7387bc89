import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeCertificate } from './certificate.ts';
import { freePort } from './mariadb.ts';

const START_MS = 30_000;

export interface Registry {
  /** host:port; the registry speaks TLS. */
  readonly address: string;
  /** Path of the certificate authority to trust, a PEM file. */
  readonly ca: string;
  readonly user: string;
  readonly password: string;
  stop(): Promise<void>;
}

/** Starts a container registry on loopback that asks for a password: Debian's docker-registry, with its data in `folder`. */
export async function startRegistry(folder: string): Promise<Registry> {
  const address = `127.0.0.1:${await freePort()}`;
  const { private: key, cert } = await makeCertificate();
  const at = (name: string): string => join(folder, name);
  await writeFile(at('key.pem'), key);
  await writeFile(at('certificate.pem'), cert);
  // docker-registry expects bcrypt. This is the hash of the password below.
  await writeFile(at('users'), 'AWS:$2y$05$abcdefghijklmnopqrstuu0/mvruU0rmb2CZHnHwWaTBu8TaYoXX2\n');
  const config = {
    version: '0.1',
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: at('blobs') } },
    http: { addr: address, tls: { certificate: at('certificate.pem'), key: at('key.pem') } },
    auth: { htpasswd: { realm: 'stand-in', path: at('users') } },
  };
  // JSON is valid YAML.
  await writeFile(at('registry.yml'), JSON.stringify(config));
  const server = spawn('docker-registry', ['serve', at('registry.yml')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  server.stderr.on('data', (data) => (log += String(data)));
  const stop = async (): Promise<void> => {
    if (server.exitCode !== null) return;
    server.kill();
    await once(server, 'exit');
  };
  for (const startedAt = performance.now(); !(await answers(address, cert)); await sleep(50)) {
    if (server.exitCode === null && performance.now() - startedAt < START_MS) continue;
    await stop();
    throw new Error(`docker-registry did not start:\n${log}`);
  }
  return { address, ca: at('certificate.pem'), user: 'AWS', password: 'one-time-password', stop };
}

function answers(address: string, ca: string): Promise<boolean> {
  return new Promise((resolve) => {
    request(`https://${address}/v2/`, { ca }, (response) => {
      response.resume();
      resolve(response.statusCode === 401);
    })
      .on('error', () => resolve(false))
      .end();
  });
}
