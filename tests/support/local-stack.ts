import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvokeCommand, LambdaClient, PutFunctionRecursionConfigCommand } from '@aws-sdk/client-lambda';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { inject } from 'vitest';
import type { DoctorReport } from '../../src/doctor/examine.ts';
import { writeSandboxCredentials } from '../../src/rehearsal/fcm/credentials.ts';
import { startFcmSandbox } from '../../src/rehearsal/fcm/sandbox.ts';
import { type LocalLambdaOptions, startLocalLambda } from '../../src/local/lambda/lambda.ts';
import { buildBundle } from './bundle.ts';
import { makeDatabase } from './database.ts';

/** Variables that the aws command line and the SDKs need for the local Lambda. */
export const AWS = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' };

const credentials = { accessKeyId: AWS.AWS_ACCESS_KEY_ID, secretAccessKey: AWS.AWS_SECRET_ACCESS_KEY };

export const PASSWORD = 's3cr3t-of-the-test';

export interface LocalStack {
  /** A correct configuration, for the function and for a terminal. */
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
  readonly user: string;
  readonly database: string;
  /** Executes a statement as the administrator of the database server. */
  ask(sql: string): Promise<RowDataPacket[]>;
  close(): Promise<void>;
}

/** Makes a database on the MySQL server of the tests, a user with the rights that docs/aws.md asks for, and an FCM sandbox. */
export async function startLocalStack(): Promise<LocalStack> {
  const database = await makeDatabase('mysql');
  const folder = mkdtempSync(join(tmpdir(), 'baton-stack-'));
  const sandbox = await startFcmSandbox({ projects: ['a-project'], checksTokens: true });
  const name = new URL(database.url).pathname.slice(1);
  const user = `baton_${crypto.randomUUID().slice(0, 8)}`;
  const ask = async (sql: string): Promise<RowDataPacket[]> => {
    const connection = await createConnection(database.url);
    try {
      return (await connection.query<RowDataPacket[]>(sql))[0];
    } finally {
      await connection.end();
    }
  };
  await ask(`CREATE USER ${user} IDENTIFIED BY '${PASSWORD}'`);
  // The rights for other DDL are for --fix.
  await ask(`GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON ${name}.* TO ${user}`);
  const url = Object.assign(new URL(database.url), { username: user, password: PASSWORD }).href;
  return {
    env: {
      DATABASE_URL: url,
      FCM_ENDPOINT: sandbox.endpoint,
      FCM_PROJECT_ID: 'a-project',
      CHECKS: 'none',
      GOOGLE_APPLICATION_CREDENTIALS: writeSandboxCredentials(folder, sandbox.tokenUrl),
    },
    folder,
    user,
    database: name,
    ask,
    async close() {
      await sandbox.close();
      await ask(`DROP USER ${user}`);
      await database.drop();
      rmSync(folder, { recursive: true });
    },
  };
}

export interface DeployedFunction {
  readonly endpoint: string;
  readonly client: LambdaClient;
  /** Invokes the function synchronously; resolves to its reply. */
  call<T = DoctorReport>(event: object): Promise<T>;
  close(): Promise<void>;
}

let bundling: Promise<string> | null = null;

/** The bundle that the image runs, built once for all tests of a file: it starts in a quarter of the time of the sources. */
function bundle(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'baton-bundle-'));
  process.once('exit', () => rmSync(folder, { recursive: true }));
  return buildBundle(folder).then(({ file }) => file);
}

/** Deploys the function with these variables to a local Lambda. */
export async function deploy(
  env: Readonly<Record<string, string>>,
  options: Partial<LocalLambdaOptions> = {},
): Promise<DeployedFunction> {
  bundling ??= bundle();
  const lambda = await startLocalLambda({
    functionName: 'baton',
    handlerFile: await bundling,
    env,
    workers: 2,
    credentials,
    ...options,
  });
  const client = new LambdaClient({
    endpoint: lambda.endpoint,
    region: AWS.AWS_REGION,
    credentials,
  });
  const allow = { FunctionName: 'baton', RecursiveLoop: 'Allow' } as const;
  await client.send(new PutFunctionRecursionConfigCommand(allow));
  return {
    endpoint: lambda.endpoint,
    client,
    async call<T>(event: object) {
      const Payload = JSON.stringify(event);
      const { Payload: reply } = await client.send(new InvokeCommand({ FunctionName: 'baton', Payload }));
      return JSON.parse(new TextDecoder().decode(reply)) as T;
    },
    async close() {
      client.destroy();
      await lambda.close();
    },
  };
}

type Reply = { status: number; type?: string; body: unknown };

/**
 * Starts a proxy for the local Lambda that can answer in place of it. `answer` gets the operation, and `ask`, which asks the
 * local Lambda; a request for which it resolves to null is passed on.
 */
export async function startFront(
  target: string,
  answer: (operation: string, ask: () => Promise<object>) => Promise<Reply | null>,
): Promise<{ endpoint: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const pass = async (): Promise<void> => {
      const body = Buffer.concat(await request.toArray());
      const { method = '', url = '' } = request;
      const headers = new Headers(request.headers as Record<string, string>);
      for (const name of ['host', 'connection', 'content-length', 'expect']) headers.delete(name);
      const ask = () => fetch(`${target}${url}`, { method, headers, ...(method === 'GET' ? {} : { body }) });
      const own = await answer(`${method} ${url}`, async () => (await (await ask()).json()) as object);
      if (own) {
        response.writeHead(own.status, own.type === undefined ? {} : { 'x-amzn-errortype': own.type });
        response.end(JSON.stringify(own.body));
      } else {
        const passed = await ask();
        response.writeHead(passed.status, [...passed.headers].flat()).end(await passed.text());
      }
    };
    pass().catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export function hasMysql(): boolean {
  return inject('mysqlUrl') !== null;
}
