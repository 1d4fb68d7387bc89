import { readFileSync } from 'node:fs';
import { applicationDefault, type Credential, cert } from 'firebase-admin/app';
import type { FcmCredentials, SourceConfig } from '../config/config.ts';
import { hearAnswers, type OnAnswer } from '../announced.ts';
import { codeOf, PushError } from '../errors.ts';
import { countCharacters } from '../show.ts';
import { describeText, parseServiceAccount } from './account.ts';
import { cleanWords } from './words.ts';

/** What a sender needs to send to one Firebase project. */
export interface FcmAccess {
  readonly credential: Credential;
  readonly projectId: string;
  /** Takes the headers of the answers of Google's token service. */
  readonly onTokenAnswer?: OnAnswer;
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
      return openServiceAccount(readAccountFile(credentials), 'a file with ', projectId);
    case 'inline':
      return openServiceAccount(credentials.json, '', projectId);
  }
}

/** Resolves to a bearer token for FCM; the credential caches it and renews it in time. PushError('BAD_CREDENTIALS'). */
export async function fetchAccessToken({ credential, onTokenAnswer }: FcmAccess): Promise<string> {
  try {
    // firebase-admin and Google's client show no answer, only the token.
    return (await hearAnswers(onTokenAnswer, () => credential.getAccessToken())).access_token;
  } catch (cause) {
    throw new PushError('BAD_CREDENTIALS', `no access token for FCM: ${reasonOf(cause)}`, { cause });
  }
}

/** Google's own words in one short line, without the path in GOOGLE_APPLICATION_CREDENTIALS, which may be something else than a path. */
function reasonOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : 'unknown';
  if (/does not exist, or it is not a file|credential file specified by/.test(message)) {
    return `the file that GOOGLE_APPLICATION_CREDENTIALS names cannot be read (${/\b(?:ENOENT|EACCES|EISDIR|ENOTDIR)\b/.exec(message)?.[0] ?? 'no JSON'})`;
  }
  return cleanWords(message) ?? 'unknown';
}

function readAccountFile({ path }: Extract<FcmCredentials, { kind: 'file' }>): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    // The path is not shown: it may be a key that was taken for one.
    const got =
      describeText(path) ??
      `${countCharacters(path)} that are the path of no readable file (${codeOf(cause) ?? 'unreadable'})`;
    throw refuse(
      'FCM_CREDENTIALS',
      `the path or the content of a service account file (${HOW_TO_GET})`,
      got,
      cause,
    );
  }
}

function openServiceAccount(
  content: Uint8Array | string,
  where: string,
  projectId: string | null,
): FcmAccess {
  const account = parseServiceAccount(content);
  if (typeof account === 'string') {
    throw refuse(
      'FCM_CREDENTIALS',
      `a service account as a JSON object (${HOW_TO_GET})`,
      `${where}${account}`,
    );
  }
  try {
    return { credential: withoutWarning(cert(account)), projectId: projectId ?? account.projectId };
  } catch (cause) {
    throw refuse('FCM_CREDENTIALS', `a service account JSON (${HOW_TO_GET})`, `${where}another one`, cause);
  }
}

/** How google-auth-library begins to warn of the call by which firebase-admin reads a service account. */
const KNOWN_WARNING = 'The `fromJSON` method is deprecated.';

/**
 * `withoutWarning` keeps one warning of google-auth-library off the terminal: that it is handed a service account by a method
 * that checks no address in it. firebase-admin calls it with the first token, and parseServiceAccount has checked the account
 * before. The library has no switch for it, so that the first call goes without `console.warn`, and only that one.
 */
function withoutWarning(credential: Credential): Credential {
  let isFirst = true;
  return {
    getAccessToken() {
      if (!isFirst) return credential.getAccessToken();
      isFirst = false;
      const { console: printer } = globalThis;
      const { warn } = printer;
      // It is printed before the call returns: nothing else runs in between.
      printer.warn = (...words: unknown[]) => {
        if (!String(words[0]).startsWith(KNOWN_WARNING)) warn(...words);
      };
      try {
        return credential.getAccessToken();
      } finally {
        printer.warn = warn;
      }
    },
  };
}

function refuse(field: string, expected: string, got: string, cause?: unknown): PushError {
  return PushError.of('BAD_CREDENTIALS', [{ field, expected, got }], cause);
}
