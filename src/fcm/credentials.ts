import type { SourceConfig } from '../config/config.ts';
import { readFileSync } from 'node:fs';
import { applicationDefault, type Credential, cert } from 'firebase-admin/app';
import { PushError } from '../errors.ts';

/** What a sender needs to send to one Firebase project. */
export interface FcmAccess {
  readonly credential: Credential;
  readonly projectId: string;
}

const HOW_TO_GET =
  'in the Firebase console: Project settings, Service accounts, Generate new private key; ' +
  'then set FCM_CREDENTIALS to the path or to the content of that file';

/** Reads the credentials; sends nothing to Google yet. PushError('BAD_CREDENTIALS') says what is missing. */
export function openCredentials({
  credentials,
  projectId,
}: Pick<SourceConfig, 'credentials' | 'projectId'>): FcmAccess {
  switch (credentials.kind) {
    case 'none':
      throw refuse('FCM_CREDENTIALS', `a service account (${HOW_TO_GET})`, 'nothing');
    case 'application-default':
      if (projectId === null) {
        throw refuse(
          'FCM_PROJECT_ID',
          'the Firebase project id, because application default credentials name none',
          'nothing',
        );
      }
      return { credential: applicationDefault(), projectId };
    case 'file':
      return openServiceAccount(readAccountFile(credentials.path), `the file ${credentials.path}`, projectId);
    case 'inline':
      return openServiceAccount(credentials.json, 'text', projectId);
  }
}

/** Resolves to a bearer token for FCM; the credential caches it and renews it in time. PushError('BAD_CREDENTIALS'). */
export async function fetchAccessToken({ credential }: FcmAccess): Promise<string> {
  try {
    return (await credential.getAccessToken()).access_token;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PushError('BAD_CREDENTIALS', `no access token for FCM: ${why}`, { cause });
  }
}

/** Longer than any usual path: then the variable probably holds the key itself, which no error message may quote. */
const MAX_PATH_LENGTH = 500;

function readAccountFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    throw refuse(
      'FCM_CREDENTIALS',
      'the path of a service account JSON file',
      path.length > MAX_PATH_LENGTH ? `${path.length} characters (${code})` : `${path} (${code})`,
      cause,
    );
  }
}

function openServiceAccount(json: string, where: string, projectId: string | null): FcmAccess {
  const account = parseAccount(json, where);
  const own = account['project_id'];
  if (typeof own !== 'string') {
    throw refuse(
      'FCM_CREDENTIALS',
      `a service account JSON with a project_id (${HOW_TO_GET})`,
      `${where} without one`,
    );
  }
  try {
    return { credential: cert(account), projectId: projectId ?? own };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw refuse('FCM_CREDENTIALS', `a service account JSON (${HOW_TO_GET})`, `${where}: ${why}`, cause);
  }
}

function parseAccount(json: string, where: string): Record<string, unknown> {
  try {
    const account: unknown = JSON.parse(json);
    if (typeof account === 'object' && account !== null) return account as Record<string, unknown>;
  } catch {
    // The parser's own message is dropped: it quotes the text, which holds the private key.
  }
  throw refuse('FCM_CREDENTIALS', 'a service account as a JSON object', `${where} that is no JSON object`);
}

function refuse(field: string, expected: string, got: string, cause?: unknown): PushError {
  const problem = { field, expected, got };
  return new PushError('BAD_CREDENTIALS', `${field}: expected ${expected}, got ${got}`, {
    problems: [problem],
    cause,
  });
}
