import { fileURLToPath } from 'node:url';
import { type Engine, type EngineOptions, startEngine } from '../local/engine.ts';
import { writeSandboxCredentials } from './fcm/credentials.ts';
import { type FcmSandbox, type FcmSandboxOptions, startFcmSandbox } from './fcm/sandbox.ts';

const PROJECT_ID = 'rehearsal';
const SDK_PRELOAD = fileURLToPath(new URL('fcm/sdk-preload.ts', import.meta.url));

/** Credentials and projects of real sources: no request of a local cloud may reach Google. */
const REAL_FCM = /^(FCM_CREDENTIALS|FCM_PROJECT_ID)/;

export interface LocalCloudOptions {
  /** Options of the engine. Its `env` needs `DATABASE_URL`; real credentials in it are replaced by the sandbox's own. */
  readonly engine: EngineOptions;
  readonly fcm: FcmSandboxOptions;
  /** Folder for the credentials file; it must stay until `close`. */
  readonly folder: string;
}

/** AWS Lambda and FCM on this machine. */
export interface LocalCloud {
  readonly engine: Engine;
  readonly sandbox: FcmSandbox;
  /** The function's variables, for a process that shall use the same sandbox. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/**
 * `startLocalCloud` starts an FCM sandbox and an engine whose function pushes to it. Both run until `close`. `engine.port`,
 * `fcm.port` and `fcm.tokenPort` set fixed ports; `engine.lambda.endpoint` serves the AWS SDKs and the `aws` command line
 * (`--endpoint-url`). The database must have been migrated. Throws PushError('BAD_INPUT') if a port is not free.
 */
export async function startLocalCloud({ engine, fcm, folder }: LocalCloudOptions): Promise<LocalCloud> {
  const sandbox = await startFcmSandbox(fcm);
  try {
    const env: Record<string, string> = {
      ...Object.fromEntries(Object.entries(engine.env).filter(([name]) => !REAL_FCM.test(name))),
      FCM_ENDPOINT: sandbox.endpoint,
      FCM_PROJECT_ID: fcm.projects?.[0] ?? PROJECT_ID,
      GOOGLE_APPLICATION_CREDENTIALS: writeSandboxCredentials(folder, sandbox.tokenUrl),
    };
    const preload = env['FCM_TRANSPORT'] === 'sdk' ? ['--import', SDK_PRELOAD] : [];
    const execArgv = [...preload, ...(engine.execArgv ?? [])];
    const running = await startEngine({ ...engine, env, execArgv });
    return {
      engine: running,
      sandbox,
      env,
      async close() {
        await running.close();
        await sandbox.close();
      },
    };
  } catch (error) {
    await sandbox.close();
    throw error;
  }
}
