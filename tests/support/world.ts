import type { Store } from '../../src/store.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { writeSandboxCredentials } from '../../src/rehearsal/fcm/credentials.ts';
import { type FcmSandbox, startFcmSandbox } from '../../src/rehearsal/fcm/sandbox.ts';
import { draft, madeUpDevices } from './context.ts';
import { type DatabaseKind, makeDatabase } from './database.ts';

/** Everything that a deployed function uses: a database with devices and an announcement, FCM, and its credentials. */
export interface World extends AsyncDisposable {
  readonly store: Store;
  readonly sandbox: FcmSandbox;
  readonly announcementId: number;
  /** Variables of the function; files that they name are in `folder`. */
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
}

export async function makeWorld(kind: DatabaseKind, devices: number): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'baton-world-'));
  const database = await makeDatabase(kind);
  const store = await openStore(database.config, systemClock);
  const sandbox = await startFcmSandbox();
  await store.addDevices(madeUpDevices(devices));
  return {
    store,
    sandbox,
    folder,
    announcementId: await store.createAnnouncement(draft),
    env: {
      DATABASE_URL: database.url,
      FCM_ENDPOINT: sandbox.endpoint,
      FCM_PROJECT_ID: 'a-project',
      GOOGLE_APPLICATION_CREDENTIALS: writeSandboxCredentials(folder, sandbox.tokenUrl),
      FCM_RAMP_SECONDS: '0',
      PAGE_SIZE: '10',
      CHECKS: 'none',
    },
    async [Symbol.asyncDispose]() {
      await store.close();
      await sandbox.close();
      await database.drop();
      await rm(folder, { recursive: true });
    },
  };
}
