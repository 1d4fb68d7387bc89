import { createPrivateKey } from 'node:crypto';
import { isObject } from '../parse.ts';
import { countCharacters } from '../show.ts';

/** The fields of a service account that Google's client needs. */
export interface ServiceAccount {
  readonly projectId: string;
  readonly clientEmail: string;
  readonly privateKey: string;
}

/** Quotes, base64 and JSON in JSON may be around each other; nobody wraps a file more often than this. */
const MAX_WRAPPINGS = 4;

/** Other files and keys of Firebase and Google, by their text. */
const OTHER_TEXTS: readonly (readonly [RegExp, string])[] = [
  [/^-----BEGIN/, 'a private key without the JSON around it'],
  [/^(<\?xml|<!DOCTYPE plist|<plist)/i, 'a GoogleService-Info.plist, which belongs in an iOS app'],
  [/^<(!doctype|html)/i, 'a web page'],
  [/^AIza[\w-]+$/, 'a web API key, which belongs in an app'],
  [/^AAAA[\w-]*:[\w-]+$/, 'a legacy server key, which FCM no longer accepts'],
  [/^[\w-]+:APA91[\w-]+$/, 'the registration token of a device'],
  [/^B[\w-]{86}$/, 'a key pair for web push, which belongs in a web app'],
  [/^arn:aws/, 'the ARN of something other than a secret in Secrets Manager'],
];

/** Other JSON files of Firebase and Google, by fields that they have. */
const OTHER_FILES: readonly (readonly [readonly string[], string])[] = [
  [['project_info'], 'a google-services.json, which belongs in an Android app'],
  [['apiKey', 'messagingSenderId', 'authDomain'], 'the configuration of a Firebase web app'],
  [['installed', 'web'], 'an OAuth client'],
  [['rules', 'hosting', 'firestore', 'functions'], 'a firebase.json of the Firebase command line'],
  [['projects', 'targets'], 'a .firebaserc of the Firebase command line'],
  [['username', 'password'], 'a user name and a password'],
];

/** Credentials of other kinds, by the word in their `type`. */
const OTHER_TYPES = new Map([
  [
    'authorized_user',
    "a person's own credentials of gcloud: for those set FCM_CREDENTIALS to application-default",
  ],
  ['external_account', 'a workload identity: set GOOGLE_APPLICATION_CREDENTIALS to the path of that file'],
  [
    'impersonated_service_account',
    'an impersonation: set GOOGLE_APPLICATION_CREDENTIALS to the path of that file',
  ],
]);

/**
 * Parses a service account as people have it: with a byte order mark, in UTF-16, in quotes, as JSON in JSON or in base64; its
 * key with escaped line ends, with raw ones, or with blanks in their place. A text says what it is instead; it quotes nothing.
 */
export function parseServiceAccount(bytes: Uint8Array | string): ServiceAccount | string {
  const text = typeof bytes === 'string' ? bytes : decode(bytes);
  const found = unwrap(text);
  if (typeof found === 'string') return found;
  if (found['type'] !== 'service_account' && !('private_key' in found)) return describeOther(found);
  const { project_id: projectId, client_email: email, private_key: key } = found;
  if (typeof projectId !== 'string' || projectId === '') return 'a service account without project_id';
  if (typeof email !== 'string' || email === '') return 'a service account without client_email';
  if (typeof key !== 'string' || key === '') return 'a service account without private_key';
  const pem = repairKey(key);
  if (pem === null) return 'a service account whose private_key is incomplete or damaged';
  return { projectId, clientEmail: email, privateKey: pem };
}

/** The account and the id of its key; null: it is no service account, or its file has no id. */
export function parseKeyId(bytes: Uint8Array | string): { email: string; keyId: string } | null {
  const found = unwrap(typeof bytes === 'string' ? bytes : decode(bytes));
  if (typeof found === 'string') return null;
  const { client_email: email, private_key_id: keyId } = found;
  return typeof email === 'string' && typeof keyId === 'string' && keyId !== '' ? { email, keyId } : null;
}

/** `describeText` says which other key or file a text is; null: none that is known. */
export function describeText(text: string): string | null {
  return OTHER_TEXTS.find(([pattern]) => pattern.test(text))?.[1] ?? null;
}

function decode(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  return new TextDecoder().decode(bytes);
}

/** Takes off one wrapping after the other, until a JSON object is left. */
function unwrap(text: string): Record<string, unknown> | string {
  let inner = text;
  for (let wrappings = 0; wrappings <= MAX_WRAPPINGS; wrappings++) {
    inner = inner.replaceAll(/^[\s\uFEFF\u200B]+|[\s\uFEFF\u200B;]+$/g, '');
    if (inner === '') return 'nothing';
    const value = parseJson(inner);
    if (isObject(value)) return value;
    if (value !== undefined && typeof value !== 'string') return 'JSON that is no object';
    const next = value ?? unquote(inner) ?? unescape(inner) ?? decodeBase64(inner);
    if (next === null) return describeText(inner) ?? `${countCharacters(inner)} that are no JSON object`;
    inner = next;
  }
  return 'JSON in too many wrappings';
}

/** JSON has no line ends within text; an editor or a template may have made them of `\n`. */
function parseJson(text: string): unknown {
  for (const candidate of [text, text.replaceAll(/"(?:[^"\\]|\\[^])*"/g, escapeLineEnds)]) {
    try {
      return JSON.parse(candidate) as unknown;
    } catch {
      // The parser's message is dropped: it quotes the text, which holds the private key.
    }
  }
  return undefined;
}

function escapeLineEnds(text: string): string {
  return text.replaceAll(/\r?\n/g, String.raw`\n`);
}

function unquote(text: string): string | null {
  return /^(["'`])([^]*)\1$/.exec(text)?.[2] ?? null;
}

/** `{\"type\": …}`: JSON that was escaped for a template, without the quotes that belonged around it. */
function unescape(text: string): string | null {
  if (!/^\{\s*\\/.test(text)) return null;
  const value = parseJson(`"${text}"`);
  return typeof value === 'string' ? value : null;
}

function decodeBase64(text: string): string | null {
  if (text.length < 100 || !/^[A-Za-z0-9+/_\s-]+={0,2}$/.test(text)) return null;
  const decoded = decode(Buffer.from(text, 'base64'));
  return /^[\s\uFEFF"']*\{/.test(decoded) ? decoded : null;
}

function describeOther(found: Readonly<Record<string, unknown>>): string {
  const { type } = found;
  const byType = typeof type === 'string' ? OTHER_TYPES.get(type) : undefined;
  const byField = OTHER_FILES.find(([fields]) => fields.some((field) => Object.hasOwn(found, field)))?.[1];
  return byType ?? byField ?? 'JSON of another kind';
}

/** Writes a PEM key anew, with the line ends that PEM has; null if it is no private key. */
function repairKey(key: string): string | null {
  const parts = /-----BEGIN ((?:RSA )?PRIVATE KEY)-----([^]*)-----END \1-----/.exec(key);
  const [, label = '', body = ''] = parts ?? [];
  const base64 = body.replaceAll(/\\+[rnt]|\s|\\/g, '');
  const lines = base64.match(/.{1,64}/g) ?? [];
  const pem = [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
  try {
    return createPrivateKey(pem).asymmetricKeyType === 'rsa' ? pem : null;
  } catch {
    return null;
  }
}
