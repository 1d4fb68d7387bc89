import type { Config, SourceConfig } from './config.ts';
import { PushError } from '../errors.ts';

/** The Firebase project that a source is; PushError('NO_SUCH_SOURCE') if the configuration has none of that name. */
export function findSource({ sources }: Pick<Config, 'sources'>, name: string): SourceConfig {
  const source = sources.get(name);
  if (source) return source;
  const expected = `one of ${[...sources.keys()].join(', ')} (each FCM_CREDENTIALS_NAME adds one)`;
  throw PushError.of('NO_SUCH_SOURCE', [{ field: 'source', expected, got: JSON.stringify(name) }]);
}
