import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../clock.ts';
import { type Env, parseConfig } from '../config/config.ts';
import { migrateDatabase, openStore } from '../db/open.ts';
import { startEngine } from '../local/engine.ts';
import { group } from '../local/format.ts';
import { writeSandboxCredentials } from '../rehearsal/fcm/credentials.ts';
import { type FcmSandbox, startFcmSandbox } from '../rehearsal/fcm/sandbox.ts';
import { seedDevices } from '../rehearsal/seed.ts';
import type { Store } from '../store.ts';
import { defineCommand } from './command.ts';
import { ENGINE_OPTIONS } from './engine-options.ts';
import { LOCAL_HURRY, workerEnvironment } from './environment.ts';
import { wholeNumber } from './options.ts';

const PROJECT_ID = 'sandbox';

export const localCommand = defineCommand({
  description:
    'Keep a local Lambda with the function `baton`, and a sandbox of FCM, running on this machine until Ctrl-C. ' +
    'The local Lambda answers the `aws` command and the AWS SDKs. Pushes go to the sandbox: no phone shows one. ' +
    'The database is that of DATABASE_URL, or without it a new one with made-up devices. Its rows change only ' +
    'when the function is invoked: the schedule does not run.',
  options: {
    devices: wholeNumber('N', 'number of made-up devices, if DATABASE_URL is not set', {
      min: 0,
      max: 10_000_000,
      fallback: 1000,
    }),
    latency: wholeNumber('MS', 'median answer time of the sandbox', { min: 0, max: 60_000, fallback: 50 }),
    ...ENGINE_OPTIONS,
  },
  async run({ options: { devices, latency, workers, verbose } }, { env, out, err, interrupted }) {
    const stop = interrupted();
    const folder = await mkdtemp(join(tmpdir(), 'baton-local-'));
    const sandbox = await startFcmSandbox({ latencyMs: latency });
    try {
      const isOwnDatabase = !env['DATABASE_URL'];
      const databaseUrl = env['DATABASE_URL'] || join(folder, 'baton.db');
      const local = sandboxEnvironment({ ...env, DATABASE_URL: databaseUrl }, sandbox, folder);
      const config = parseConfig(local);
      if (isOwnDatabase) await migrateDatabase(config.database, systemClock);
      const store = await openStore(config.database, systemClock);
      let database: string;
      try {
        if (isOwnDatabase) await seedDevices(store, { devices, seed: 1 });
        database = await describeDatabase(store, isOwnDatabase ? databaseUrl : null);
      } finally {
        await store.close();
      }
      const engine = await startEngine({
        env: workerEnvironment(local, config),
        workers,
        hurry: LOCAL_HURRY,
        ticks: false,
        onLog: (line) => {
          if (verbose || line.includes('"level":"error"')) err(`${line}\n`);
        },
      });
      try {
        out(describe(engine.lambda.endpoint, engine.functionName, database));
        await stop;
        const { accepted, validated } = sandbox.stats();
        out(
          `\nthe sandbox accepted ${group(accepted)} pushes, and checked ${group(validated)} for dry runs\n`,
        );
        return 0;
      } finally {
        await engine.close();
      }
    } finally {
      await sandbox.close();
      await rm(folder, { recursive: true, force: true });
    }
  },
});

/**
 * `sandboxEnvironment` is the terminal's environment with every source as a project in the sandbox: no real key is used.
 */
function sandboxEnvironment(env: Env, sandbox: FcmSandbox, folder: string): Env {
  const sources = Object.keys(env).flatMap((name) => {
    const suffix = /^FCM_(?:CREDENTIALS|PROJECT_ID)(\w*)$/.exec(name)?.[1];
    return suffix === undefined || !env[name] ? [] : [suffix];
  });
  const credentials = ['', ...sources].flatMap((suffix) => [
    [`FCM_CREDENTIALS${suffix}`, 'application-default'],
    [`FCM_PROJECT_ID${suffix}`, PROJECT_ID],
  ]);
  return {
    // Google asks for the ramp; the sandbox needs none.
    FCM_RAMP_SECONDS: '0',
    ...env,
    ...Object.fromEntries(credentials),
    FCM_ENDPOINT: sandbox.endpoint,
    GOOGLE_APPLICATION_CREDENTIALS: writeSandboxCredentials(folder, sandbox.tokenUrl),
  };
}

async function describeDatabase(store: Store, ownFile: string | null): Promise<string> {
  const devices = `${group(await store.countDevices())} devices`;
  if (ownFile !== null) return `${ownFile}, with ${devices}, all made up; removed at the end`;
  return (
    `DATABASE_URL, with ${devices}.\n            ` +
    'Pushes are recorded there as delivered, although no phone shows them.'
  );
}

function describe(endpoint: string, functionName: string, database: string): string {
  return `\
Baton runs on this machine until Ctrl-C.

  Lambda    ${endpoint}, function ${functionName}
  FCM       a sandbox on this machine: it accepts every push, and no phone shows one
  database  ${database}

Broadcast to all devices of the database, from another terminal:

  echo '{"title": "Hello", "body": "From the sandbox"}' | aws lambda invoke \\
    --endpoint-url ${endpoint} --region us-east-1 --no-sign-request \\
    --function-name ${functionName} --payload fileb:///dev/stdin /dev/stdout

Instead of a title and a body, {"announcementId": 1} pushes an announcement that is in the database,
and {"kind": "scan"} runs the schedule once.
`;
}
