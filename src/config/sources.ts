import { PushError } from '../errors.ts';
import { parseQuietHours, QUIET_HOURS, type QuietHours } from '../model/quiet-hours.ts';
import { findZone, ZONE } from '../model/zones.ts';
import { show } from '../show.ts';
import { type FcmCredentials, parseCredentials } from './credentials.ts';
import type { Env, Reader } from './env-reader.ts';
import { findVariable } from './variables.ts';

/** https://firebase.google.com/docs/projects/learn-more#project-id; older ids begin with a domain: `example.com:shop`. */
const PROJECT_ID = /^[a-z0-9][a-z0-9.:-]{0,62}$/;
const A_PROJECT_ID = 'the id of a Firebase project: small letters, digits and -';

/** https://firebase.google.com/docs/projects/learn-more#config-files-objects: such as `1:1234567890:android:321abc456def7890`. */
const ANDROID_APP = /^1:\d{1,20}:android:[0-9a-f]{1,64}$/;
const ANDROID_APPS = 'the ids of Android apps, such as 1:1234567890:android:321abc, separated by commas';
const MAX_APPS = 20;

const SOURCE_NAME = /^[\w. -]{1,64}$/;

/** Google's client quotes this value in its errors: it must not be the key itself. */
const PATH = /^[^{\r\n]{1,500}$/;

/** One Firebase project. */
export interface SourceConfig {
  readonly credentials: FcmCredentials;
  /** Null: the project that the service account belongs to. */
  readonly projectId: string | null;
  readonly pace: PaceConfig;
  /** The IANA time zone of devices that say none. */
  readonly timeZone: string;
  /** When no broadcast of the source starts or goes on; null: none. */
  readonly quietHours: QuietHours | null;
  /** The Android apps whose delivery data is fetched from FCM's Data API. */
  readonly androidApps: readonly string[];
}

export interface PaceConfig {
  /** The messages per minute that a source may send, over all hops of all announcements. */
  readonly perMinute: number;
  /** Milliseconds of the ramp from zero to that rate, after the source has been idle; 0: no ramp. */
  readonly rampMs: number;
}

/** The name of the source that the variables without a suffix describe. Logs and statuses show it. */
export function readSourceName(read: Reader): string {
  return (
    read.named('FCM_SOURCE', SOURCE_NAME, '1 to 64 letters, digits or .-_ and blanks') ??
    read.fallback('FCM_SOURCE')
  );
}

/** The configured Firebase project of a source; PushError('NO_SUCH_SOURCE') if there is none of that name. */
export function findSource(
  { sources }: { readonly sources: ReadonlyMap<string, SourceConfig> },
  name: string,
): SourceConfig {
  const source = sources.get(name);
  if (source) return source;
  const expected = `one of ${[...sources.keys()].join(', ')} (each FCM_CREDENTIALS_NAME adds one)`;
  throw PushError.of('NO_SUCH_SOURCE', [{ field: 'source', expected, got: show(name) }]);
}

/**
 * Reads all sources. FCM_CREDENTIALS and the other per-source variables describe the source FCM_SOURCE; the same variables
 * with the suffix _SHOP_B describe a further source, `shop_b`. All sources have the same ramp.
 */
export function readSources(read: Reader, env: Env, firstName: string): Map<string, SourceConfig> {
  const rampMs = read.whole('FCM_RAMP_SECONDS', 0, 3600) * 1000;
  const readSource = (suffix: string): SourceConfig => ({
    credentials: parseCredentials(read.optional('FCM_CREDENTIALS', suffix)),
    projectId: read.named('FCM_PROJECT_ID', PROJECT_ID, A_PROJECT_ID, suffix),
    pace: { perMinute: read.whole('FCM_MESSAGES_PER_MINUTE', 1, 1_000_000_000, suffix), rampMs },
    timeZone: readZone(read, suffix),
    quietHours: readQuietHours(read, suffix),
    androidApps: readAndroidApps(read, suffix),
  });
  const suffixes = new Set(Object.keys(env).flatMap((name) => findVariable(name)?.suffix || []));
  const further = Array.from(suffixes, (suffix): [string, SourceConfig] => {
    const source = readSource(suffix);
    if (!SOURCE_NAME.test(sourceOf(suffix))) {
      const expected = 'the name of a source of at most 64 characters in the name of the variable';
      read.complain('FCM_CREDENTIALS_NAME', expected, `one of ${suffix.length - 1}`);
    }
    if (source.credentials.kind === 'none') {
      const expected = 'credentials, because other variables of this source are set';
      read.complain(`FCM_CREDENTIALS${suffix}`, expected, 'nothing');
    }
    return [sourceOf(suffix), source];
  });
  const { credentials, projectId, ...others } = readSource('');
  const isGoogleDefault =
    credentials.kind === 'none' &&
    read.named(
      'GOOGLE_APPLICATION_CREDENTIALS',
      PATH,
      'the path of a file; FCM_CREDENTIALS takes the JSON itself',
    ) !== null;
  const first: SourceConfig = {
    credentials: isGoogleDefault ? { kind: 'application-default' } : credentials,
    projectId: projectId ?? read.named('GOOGLE_CLOUD_PROJECT', PROJECT_ID, A_PROJECT_ID),
    ...others,
  };
  return new Map([[firstName, first], ...further]);
}

function readZone(read: Reader, suffix: string): string {
  const zone = read.text('TIME_ZONE', suffix);
  if (findZone(zone) !== null) return zone;
  read.complain(`TIME_ZONE${suffix}`, ZONE, show(zone));
  return read.fallback('TIME_ZONE');
}

function readQuietHours(read: Reader, suffix: string): QuietHours | null {
  const text = read.optional('QUIET_HOURS', suffix);
  const quietHours = text === null ? null : parseQuietHours(text);
  if (text !== null && quietHours === null) read.complain(`QUIET_HOURS${suffix}`, QUIET_HOURS, show(text));
  return quietHours;
}

function readAndroidApps(read: Reader, suffix: string): readonly string[] {
  const text = read.optional('FCM_ANDROID_APPS', suffix);
  if (text === null) return [];
  const apps = [...new Set(text.split(',').map((each) => each.trim()))];
  if (apps.length <= MAX_APPS && apps.every((app) => ANDROID_APP.test(app))) return apps;
  read.complain(`FCM_ANDROID_APPS${suffix}`, ANDROID_APPS, show(text));
  return [];
}

/** The end of the names of a source's variables: empty for FCM_SOURCE, `_SHOP_B` for `shop_b`. */
export function suffixOf(source: string, { source: first }: { readonly source: string }): string {
  return source === first ? '' : `_${source.toUpperCase()}`;
}

function sourceOf(suffix: string): string {
  return suffix.slice(1).toLowerCase();
}
