import { PushError } from '../errors.ts';
import type { Env, Reader } from './env-reader.ts';
import { findVariable } from './variables.ts';

/** One Firebase project. */
export interface SourceConfig {
  readonly credentials: FcmCredentials;
  /** Null: the project that the service account belongs to. */
  readonly projectId: string | null;
  readonly pace: PaceConfig;
}

export type FcmCredentials =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'inline'; readonly json: string }
  | { readonly kind: 'application-default' }
  | { readonly kind: 'none' };

export interface PaceConfig {
  /** The messages per minute that a source may send, over all hops of all announcements. */
  readonly perMinute: number;
  /** Milliseconds of the ramp from zero to that rate, after the source has been idle; 0: no ramp. */
  readonly rampMs: number;
}

/** The configured Firebase project of a source; PushError('NO_SUCH_SOURCE') if there is none of that name. */
export function findSource(
  { sources }: { readonly sources: ReadonlyMap<string, SourceConfig> },
  name: string,
): SourceConfig {
  const source = sources.get(name);
  if (source) return source;
  const expected = `one of ${[...sources.keys()].join(', ')} (each FCM_CREDENTIALS_NAME adds one)`;
  throw PushError.of('NO_SUCH_SOURCE', [{ field: 'source', expected, got: JSON.stringify(name) }]);
}

/**
 * Reads all sources. FCM_CREDENTIALS and the other per-source variables describe the source FCM_SOURCE; the same variables
 * with the suffix _SHOP_B describe a further source, `shop_b`. All sources have the same ramp.
 */
export function readSources(read: Reader, env: Env): Map<string, SourceConfig> {
  const rampMs = read.whole('FCM_RAMP_SECONDS', 0, 3600) * 1000;
  const readSource = (suffix: string): SourceConfig => ({
    credentials: parseCredentials(read.optional('FCM_CREDENTIALS', suffix)),
    projectId: read.optional('FCM_PROJECT_ID', suffix),
    pace: { perMinute: read.whole('FCM_MESSAGES_PER_MINUTE', 1, 1_000_000_000, suffix), rampMs },
  });
  const suffixes = new Set(Object.keys(env).flatMap((name) => findVariable(name)?.suffix || []));
  const further = Array.from(suffixes, (suffix): [string, SourceConfig] => {
    const source = readSource(suffix);
    if (source.credentials.kind === 'none') {
      const expected = 'credentials, because other variables of this source are set';
      read.complain(`FCM_CREDENTIALS${suffix}`, expected, 'nothing');
    }
    return [sourceOf(suffix), source];
  });
  const { credentials, projectId, pace } = readSource('');
  const isGoogleDefault =
    credentials.kind === 'none' && read.optional('GOOGLE_APPLICATION_CREDENTIALS') !== null;
  const first: SourceConfig = {
    credentials: isGoogleDefault ? { kind: 'application-default' } : credentials,
    projectId: projectId ?? read.optional('GOOGLE_CLOUD_PROJECT'),
    pace,
  };
  return new Map([[read.text('FCM_SOURCE'), first], ...further]);
}

export function parseCredentials(text: string | null): FcmCredentials {
  if (text === null) return { kind: 'none' };
  if (text === 'application-default') return { kind: 'application-default' };
  return text.trimStart().startsWith('{') ? { kind: 'inline', json: text } : { kind: 'file', path: text };
}

/** The end of the names of a source's variables: empty for FCM_SOURCE, `_SHOP_B` for `shop_b`. */
export function suffixOf(source: string, { source: first }: { readonly source: string }): string {
  return source === first ? '' : `_${source.toUpperCase()}`;
}

function sourceOf(suffix: string): string {
  return suffix.slice(1).toLowerCase();
}
