import type { Config, SourceConfig } from '../config/config.ts';
import { suffixOf } from '../config/sources.ts';
import type { Batch, Clock, Senders } from '../context.ts';
import { codeOf, messageOf, PushError } from '../errors.ts';
import { type FcmAccess, fetchAccessToken, openCredentials } from '../fcm/credentials.ts';
import { adviseOn } from '../judge/project.ts';
import { blocked, type Check, type Finding, green, type NeedsFor, red } from './check.ts';
import { FCM_ENDPOINT_CHECK, FCM_ROUTE } from './fcm-endpoint.ts';

/** A token that no phone has. FCM says so only after it has accepted the credentials and the project. */
const MADE_UP = { deviceId: 1, target: 'baton-doctor', targetKind: 'token' } as const;

const TRIAL: Batch = {
  content: { title: 'Baton', body: 'No phone shows this.', image: null, data: {}, options: {} },
  collapseKey: 'baton-doctor',
  ttlSeconds: null,
  dryRun: true,
  devices: [MADE_UP],
};

export interface SourceParts {
  readonly config: Config;
  readonly senders: Senders;
  readonly clock: Clock;
  readonly limitMs: number;
  readonly needsFor: NeedsFor;
}

/** Checks one source: its credentials, its project, and a message that FCM only validates. */
export function sourceChecks(parts: SourceParts, name: string, source: SourceConfig): Check[] {
  const { config, needsFor } = parts;
  const suffix = suffixOf(name, config);
  const needs = needsFor([
    `FCM_CREDENTIALS${suffix}`,
    `FCM_PROJECT_ID${suffix}`,
    'FCM_SOURCE',
    'GOOGLE_APPLICATION_CREDENTIALS',
    'GOOGLE_CLOUD_PROJECT',
  ]);
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
      needs: [FCM_ENDPOINT_CHECK, credentials, ...needsFor(['FCM_TRANSPORT'])],
      run: () => checkSend(parts, name),
      advise: () => FCM_ROUTE,
    },
  ];
}

async function checkCredentials(source: SourceConfig): Promise<Finding> {
  const access = tryToOpen(source);
  if (access instanceof PushError) {
    const [problem] = access.problems;
    if (!problem) throw access;
    return red(`${problem.field}: got ${problem.got}`, `set it to ${problem.expected}`);
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
      return 'the service account in a file';
    case 'inline':
    case 'none':
      return 'a service account';
    case 'application-default':
      return 'application default credentials';
  }
}

/** Compares the project with the service account's own; application default credentials name no project. */
function checkProject(source: SourceConfig, credentials: string): Finding {
  const access = tryToOpen(source);
  if (access instanceof PushError) return blocked(credentials);
  const { projectId } = access;
  if (source.credentials.kind === 'application-default') return green(`${projectId}, from FCM_PROJECT_ID`);
  const own = openCredentials({ ...source, projectId: null }).projectId;
  if (own === projectId) return green(`${projectId}, the service account's own`);
  return red(
    `FCM_PROJECT_ID is ${projectId}, but the service account belongs to ${own}`,
    'unset FCM_PROJECT_ID, or use a service account of that project',
  );
}

/** Sends one `validate_only` message: FCM checks all of it, and sends nothing. */
async function checkSend({ senders, clock, limitMs }: SourceParts, source: string): Promise<Finding> {
  const sender = await senders.of(source);
  const [outcome] = await sender.send(TRIAL, clock.timeout(limitMs));
  const reason = outcome?.reason ?? 'no outcome';
  switch (outcome?.verdict) {
    case 'delivered':
      return green('FCM accepts a message (validate_only)');
    case 'rejected':
    case 'unregistered':
      return green(`FCM accepts all of a message but its made-up token (validate_only): ${reason}`);
    case 'misconfigured':
      return red(
        `FCM refuses a message: ${reason}${outcome.words ? `: ${outcome.words}` : ''}`,
        adviseOn([reason]),
      );
    case 'retryable':
      return red(`FCM does not accept a message at the moment: ${reason}`, 'try again in a minute');
    case 'unknown':
    case undefined:
      return red(`no answer from FCM: ${reason}`, FCM_ROUTE);
  }
}

function adviseOnCredentials(error: unknown): string {
  const code = codeOf(error);
  if (code === 'ETIMEDOUT' || /ENOTFOUND|ETIMEDOUT|EAI_AGAIN|ECONNREFUSED|UNREACH/.test(messageOf(error))) {
    return FCM_ROUTE;
  }
  return 'generate a new private key in the Firebase console (Project settings, Service accounts), and set FCM_CREDENTIALS to it';
}
