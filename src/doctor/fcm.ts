import type { Config, SourceConfig } from '../config/config.ts';
import http2 from 'node:http2';
import type { Batch, Clock, Senders } from '../context.ts';
import { codeOf, messageOf, PushError } from '../errors.ts';
import { type FcmAccess, fetchAccessToken, openCredentials } from '../fcm/credentials.ts';
import { adviseOn } from '../judge/project.ts';
import { blocked, type Check, type Finding, green, red } from './check.ts';
import { judgeSkew } from './clock.ts';

/** No phone has it. FCM answers so, once it has found the credentials and the project to be in order. */
const MADE_UP = { deviceId: 1, target: 'baton-doctor', targetKind: 'token' } as const;

const TRIAL: Batch = {
  content: { title: 'Baton', body: 'Nobody sees this.', image: null, data: {}, options: {} },
  collapseKey: 'baton-doctor',
  ttlSeconds: null,
  dryRun: true,
  devices: [MADE_UP],
};

const ROUTE =
  'give it a route to the Internet: in a VPC, a NAT gateway for the subnets, and a security group that lets port 443 out';

export interface FcmParts {
  readonly config: Config;
  readonly senders: Senders;
  readonly clock: Clock;
  readonly limitMs: number;
}

/** The endpoint, the clock that Google's tokens go by, and each source by itself. */
export function fcmChecks(parts: FcmParts, needsFor: (variables: RegExp) => readonly string[]): Check[] {
  const { config, clock, limitMs } = parts;
  const { endpoint } = config.fcm;
  let asking: Promise<ServerTime> | null = null;
  const ask = (): Promise<ServerTime> => (asking ??= askTime(endpoint, clock, limitMs));
  return [
    {
      name: 'FCM endpoint',
      needs: needsFor(/^FCM_ENDPOINT$/),
      run: async () => {
        await ask();
        return green(`${endpoint} answers`);
      },
      advise: () => ROUTE,
    },
    {
      name: 'clock',
      needs: ['FCM endpoint'],
      run: async () => {
        const { date, askedAt, tookMs } = await ask();
        const serverMs = Date.parse(date ?? '');
        if (Number.isNaN(serverMs))
          return red(`${endpoint} does not say what time it is`, 'check FCM_ENDPOINT');
        return judgeSkew(askedAt - serverMs, tookMs, "FCM's");
      },
      advise: () => ROUTE,
    },
    ...[...config.sources].flatMap(([name, source]) => sourceChecks(parts, name, source, needsFor)),
  ];
}

function sourceChecks(
  { config, senders, limitMs }: FcmParts,
  name: string,
  source: SourceConfig,
  needsFor: (variables: RegExp) => readonly string[],
): Check[] {
  const suffix = name === config.source ? '' : `_${name.toUpperCase()}`;
  const needs = needsFor(new RegExp(`^(FCM_(CREDENTIALS|PROJECT_ID)${suffix}|FCM_SOURCE|GOOGLE_.*)$`));
  const credentials = `FCM credentials (${name})`;
  return [
    {
      name: credentials,
      needs,
      run: () => checkCredentials(source),
      advise: adviseOnCredentials,
    },
    {
      name: `FCM project (${name})`,
      needs,
      run: async () => checkProject(source, credentials),
      advise: adviseOnCredentials,
    },
    {
      name: `FCM send (${name})`,
      needs: ['FCM endpoint', credentials, ...needsFor(/^FCM_TRANSPORT$/)],
      run: () => checkSend(senders, name, limitMs),
      advise: () => ROUTE,
    },
  ];
}

async function checkCredentials(source: SourceConfig): Promise<Finding> {
  const access = tryToOpen(source);
  if (access instanceof PushError) {
    const [problem] = access.problems;
    if (!problem) throw access;
    return red(`${problem.field}: came ${problem.got}`, `set it to ${problem.expected}`);
  }
  await fetchAccessToken(access);
  return green(`access token from ${describe(source)}`);
}

function tryToOpen(source: Pick<SourceConfig, 'credentials' | 'projectId'>): FcmAccess | PushError {
  try {
    return openCredentials(source);
  } catch (error) {
    if (error instanceof PushError) return error;
    throw error;
  }
}

function describe({ credentials }: SourceConfig): string {
  switch (credentials.kind) {
    case 'file':
      return `the service account in ${credentials.path}`;
    case 'inline':
    case 'none':
      return 'a service account';
    case 'application-default':
      return 'application default credentials';
  }
}

/** A service account names its own project; application default credentials name none. */
function checkProject(source: SourceConfig, credentials: string): Finding {
  const access = tryToOpen(source);
  if (access instanceof PushError) return blocked(credentials);
  const { projectId } = access;
  if (source.credentials.kind === 'application-default') return green(`${projectId}, as FCM_PROJECT_ID says`);
  const own = openCredentials({ ...source, projectId: null }).projectId;
  if (own === projectId) return green(`${projectId}, the service account's own`);
  return red(
    `FCM_PROJECT_ID is ${projectId}, but the service account is of ${own}`,
    'unset FCM_PROJECT_ID, or take a service account of that project',
  );
}

/** One `validate_only` message: FCM checks all of it, and sends none. */
async function checkSend(senders: Senders, source: string, limitMs: number): Promise<Finding> {
  const sender = await senders.of(source);
  const [outcome] = await sender.send(TRIAL, AbortSignal.timeout(limitMs));
  const reason = outcome?.reason ?? 'no outcome';
  switch (outcome?.verdict) {
    case 'delivered':
      return green('FCM takes a message (validate_only)');
    case 'rejected':
    case 'unregistered':
      return green(`FCM takes all but the made-up token of a message (validate_only): ${reason}`);
    case 'misconfigured':
      return red(`FCM refuses a message: ${reason}`, adviseOn([reason]));
    case 'retryable':
      return red(`FCM does not take a message now: ${reason}`, 'ask again in a minute');
    case 'unknown':
    case undefined:
      return red(`no answer from FCM: ${reason}`, ROUTE);
  }
}

interface ServerTime {
  readonly date: string | undefined;
  readonly askedAt: number;
  readonly tookMs: number;
}

/** Whatever it answers: it is there, and has a Date header. */
async function askTime(endpoint: string, clock: Clock, limitMs: number): Promise<ServerTime> {
  const session = http2.connect(endpoint);
  session.setTimeout(limitMs, () => session.destroy(new Error('no answer')));
  try {
    const askedAt = clock.now();
    const date = await new Promise<string | undefined>((resolve, reject) => {
      session.once('error', reject);
      const stream = session.request({ ':path': '/' });
      // A session that cannot be made cancels its streams first, and is their error's cause.
      stream.once('error', (error) => reject(error.cause ?? error));
      stream.once('response', (headers) => resolve(headers.date));
      stream.resume();
    });
    return { date, askedAt, tookMs: clock.now() - askedAt };
  } finally {
    session.destroy();
  }
}

function adviseOnCredentials(error: unknown): string {
  const code = codeOf(error);
  if (code === 'ETIMEDOUT' || /ENOTFOUND|ETIMEDOUT|EAI_AGAIN|ECONNREFUSED|UNREACH/.test(messageOf(error))) {
    return ROUTE;
  }
  return 'generate a new private key in the Firebase console (Project settings, Service accounts), and set FCM_CREDENTIALS to it';
}
