import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/config.ts';
import type { LiveConfig } from '../config/live.ts';
import { codeOf } from '../errors.ts';
import type { Store } from '../store.ts';

/** What MySQL and MariaDB answer at a connect with a password that is no longer valid. */
const REFUSED_LOGINS: readonly unknown[] = [
  'ER_ACCESS_DENIED_ERROR',
  'ER_ACCESS_DENIED_NO_PASSWORD_ERROR',
  'ER_ACCOUNT_HAS_BEEN_LOCKED',
  'ER_MUST_CHANGE_PASSWORD_LOGIN',
];

interface Opened {
  readonly config: Config;
  readonly client: Store;
}

/**
 * Makes a store for a process that outlives its password: if the database refuses it, the secrets are read anew, the store is
 * opened anew, and the call is made once more. A refused connection has run no statement.
 */
export async function openRenewingStore(
  live: LiveConfig,
  open: (config: Config) => Promise<Store>,
): Promise<Store> {
  let current: Opened = { config: live.config, client: await open(live.config) };
  let renewing: Promise<void> | null = null;

  const renew = async (): Promise<void> => {
    const config = await live.fetch(0);
    if (isDeepStrictEqual(config.database, current.config.database)) return;
    const old = current;
    current = { config, client: await open(config) };
    // The old store's statements in flight end by themselves.
    old.client.close().catch(() => {});
  };
  const callAgain = async (refused: Opened, error: unknown, call: Call): Promise<unknown> => {
    if (!REFUSED_LOGINS.includes(codeOf(error))) throw error;
    if (current === refused) {
      renewing ??= renew().finally(() => {
        renewing = null;
      });
      // Without new secrets the database's own words say more than why there are none.
      await renewing.catch(() => {});
    }
    if (current === refused) throw error;
    return call(current.client);
  };
  return new Proxy(current.client, {
    get(_, name) {
      const method: unknown = Reflect.get(current.client, name);
      if (typeof method !== 'function' || name === 'close') return method;
      return async (...args: unknown[]) => {
        const call: Call = async (store) => (Reflect.get(store, name) as Method)(...args);
        const used = current;
        try {
          return await call(used.client);
        } catch (error) {
          return callAgain(used, error, call);
        }
      };
    },
  });
}

type Method = (...args: unknown[]) => unknown;
type Call = (store: Store) => Promise<unknown>;
