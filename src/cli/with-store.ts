import { systemClock } from '../clock.ts';
import { type Env, parseDatabaseConfig } from '../config/config.ts';
import { openStore } from '../db/open.ts';
import type { Store } from '../store.ts';

/** `withStore` opens the store of DATABASE_URL for `work`, and closes it afterwards. */
export async function withStore<T>(env: Env, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(parseDatabaseConfig(env), systemClock);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
