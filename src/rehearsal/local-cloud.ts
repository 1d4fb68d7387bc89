import { fileURLToPath } from 'node:url';
import { type Engine, type EngineOptions, startEngine } from '../local/engine.ts';
import { writeSandboxCredentials } from './fcm/credentials.ts';
import { type FcmSandbox, type FcmSandboxOptions, startFcmSandbox } from './fcm/sandbox.ts';

const PROJECT_ID = 'rehearsal';
const SDK_PRELOAD = fileURLToPath(new URL('fcm/sdk-preload.ts', import.meta.url));

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
    const projectId = fcm.projects?.[0] ?? PROJECT_ID;
    const env = {
      ...engine.env,
      ...sourcesIn(engine.env, projectId),
      // Otherwise Google's client, which needs no project, looks for one by `gcloud` and on the network in each worker.
      GOOGLE_CLOUD_PROJECT: projectId,
      FCM_ENDPOINT: sandbox.endpoint,
      FCM_DATA_ENDPOINT: sandbox.dataEndpoint,
      GOOGLE_APPLICATION_CREDENTIALS: writeSandboxCredentials(folder, sandbox.tokenUrl),
    };
    const preload = engine.env['FCM_TRANSPORT'] === 'sdk' ? ['--import', SDK_PRELOAD] : [];
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

/** `sourcesIn` makes every source of `env` a project of the sandbox: no request of a local cloud may reach Google. */
function sourcesIn(env: EngineOptions['env'], projectId: string): Record<string, string> {
  const suffixes = Object.keys(env).flatMap(
    (name) => /^FCM_(?:CREDENTIALS|PROJECT_ID)(\w*)$/.exec(name)?.[1] ?? [],
  );
  return Object.fromEntries(
    ['', ...suffixes].flatMap((suffix) => [
      [`FCM_CREDENTIALS${suffix}`, 'application-default'],
      [`FCM_PROJECT_ID${suffix}`, projectId],
    ]),
  );
}
