import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../clock.ts';
import { parseConfig } from '../config/config.ts';
import { migrateDatabase } from '../db/open.ts';
import type { Engine } from '../local/engine.ts';
import { makeCanaries } from '../rehearsal/canaries.ts';
import { startLocalCloud } from '../rehearsal/local-cloud.ts';
import { refuseRealDatabase } from '../rehearsal/own-database.ts';
import { seedDevices } from '../rehearsal/seed.ts';
import type { Store } from '../store.ts';
import { formatCount } from '../words.ts';
import { defineCommand } from './command.ts';
import { CANARY_OPTIONS, checkCanaries } from './canary-options.ts';
import { ENGINE_OPTIONS } from './engine-options.ts';
import { LOCAL_HURRY, workerEnvironment } from './environment.ts';
import { flag, named, refuse, wholeNumber } from './options.ts';
import { withStore } from './with-store.ts';

export const localCommand = defineCommand({
  description:
    'Keep a local Lambda with the function `baton`, and a sandbox of FCM, running on this machine until Ctrl-C. ' +
    'The local Lambda answers the `aws` command and the AWS SDKs. Pushes go to the sandbox: no phone shows one. ' +
    'The database is that of DATABASE_URL, or without it a new one with made-up devices. Its rows change only ' +
    'when the function is invoked: the schedule does not run. A database with real rows needs --force.',
  options: {
    devices: wholeNumber('N', 'number of made-up devices, if DATABASE_URL is not set', {
      min: 0,
      max: 10_000_000,
      fallback: 1000,
    }),
    port: wholeNumber('N', 'port of the local Lambda; 0: any free one', { min: 0, max: 65_535, fallback: 0 }),
    latency: wholeNumber('MS', 'median answer time of the sandbox', { min: 0, max: 60_000, fallback: 50 }),
    ...CANARY_OPTIONS,
    api: named('URL', 'the address of `baton serve`, where the phones of canaries answer', {
      isValid: (value) => /^https?:$/.test(URL.parse(value)?.protocol ?? ''),
      expected: 'an address such as http://127.0.0.1:8080',
      fallback: 'http://127.0.0.1:8080',
    }),
    force: flag('use the database of DATABASE_URL although it has rows that no rehearsal made'),
    ...ENGINE_OPTIONS,
  },
  async run(
    { options: { devices, latency, port, canaries, deadCanaries, api, force, workers, verbose } },
    { env, out, err, interrupted },
  ) {
    if (canaries > 0 && env['DATABASE_URL']) throw refuse('--canaries', 'no DATABASE_URL beside it', 'both');
    checkCanaries({ devices, canaries, deadCanaries });
    const stop = interrupted();
    const folder = await mkdtemp(join(tmpdir(), 'baton-local-'));
    try {
      const isOwnDatabase = !env['DATABASE_URL'];
      const databaseUrl = env['DATABASE_URL'] || join(folder, 'baton.db');
      // Google asks for the ramp; the sandbox needs none.
      const settings = { FCM_RAMP_SECONDS: '0', ...env, DATABASE_URL: databaseUrl };
      const config = parseConfig(settings);
      if (isOwnDatabase) await migrateDatabase(config.database, systemClock);
      else await refuseRealDatabase(config.database, systemClock, { force });
      const onError = (why: string): void => err(`a canary could not answer: ${why}\n`);
      const { database, flock } = await withStore(settings, async (store) => {
        if (isOwnDatabase) await seedDevices(store, { devices, seed: 1, audience: null });
        return {
          database: await describeDatabase(store, isOwnDatabase ? databaseUrl : null),
          flock: canaries > 0 ? await makeCanaries(store, { canaries, deadCanaries }, onError) : null,
        };
      });
      flock?.open(api.replace(/\/+$/, ''));
      const cloud = await startLocalCloud({
        folder,
        fcm: { latencyMs: latency, deliver: flock ? (push) => flock.phones.deliver(push) : undefined },
        engine: {
          env: workerEnvironment(settings, config),
          port,
          workers,
          hurry: LOCAL_HURRY,
          ticks: false,
          onLog: (line) => {
            if (verbose || line.includes('"level":"error"')) err(`${line}\n`);
          },
        },
      });
      try {
        out(describe(cloud.engine, database));
        if (flock !== null) out(describeCanaries(cloud.env, api));
        await stop;
        const { accepted, validated } = cloud.sandbox.stats();
        out(
          `\nthe sandbox accepted ${formatCount(accepted)} pushes, and checked ${formatCount(validated)} for dry runs\n`,
        );
        return 0;
      } finally {
        await cloud.close();
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
});

/** The settings with which another process uses the same database and sandbox. */
function describeCanaries(env: Readonly<Record<string, string>>, api: string): string {
  const names = [
    'DATABASE_URL',
    'FCM_ENDPOINT',
    'FCM_PROJECT_ID',
    'FCM_CREDENTIALS',
    'GOOGLE_APPLICATION_CREDENTIALS',
  ];
  const settings = names.map((name) => `${name}=${env[name] ?? ''}`).join(' \\\n    ');
  return `
The canaries among the devices answer to ${api}. With these settings in two other terminals:

  export RECEIPTS=on ${settings}
  baton serve
  baton canary
`;
}

async function describeDatabase(store: Store, ownFile: string | null): Promise<string> {
  const devices = `${formatCount(await store.countDevices())} devices`;
  if (ownFile !== null) return `${ownFile}, with ${devices}, all made up; removed at the end`;
  return (
    `DATABASE_URL, with ${devices}.\n            ` +
    'Pushes are recorded there as delivered, although no phone shows them.'
  );
}

function describe({ lambda: { endpoint, credentials }, functionName }: Engine, database: string): string {
  const keys = `AWS_ACCESS_KEY_ID=${credentials.accessKeyId} AWS_SECRET_ACCESS_KEY=${credentials.secretAccessKey}`;
  return `\
Baton runs on this machine until Ctrl-C.

  Lambda    ${endpoint}, function ${functionName}
  FCM       a sandbox on this machine: it accepts every push, and no phone shows one
  database  ${database}

Broadcast to all devices of the database, from another terminal:

  echo '{"title": "Hello", "body": "From the sandbox"}' | ${keys} \\
    aws lambda invoke --endpoint-url ${endpoint} --region us-east-1 \\
    --function-name ${functionName} --payload fileb:///dev/stdin /dev/stdout

The key is made anew at each start, and is worth nothing to AWS: without it, any web page that is open on this
machine could invoke the function.

Instead of a title and a body, {"announcementId": 1} pushes an announcement that is in the database,
and {"kind": "scan"} runs the schedule once.
`;
}
