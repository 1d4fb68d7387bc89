import type { NewAnnouncement } from '../../src/model/announcement.ts';
import type { Delivery } from '../../src/model/delivery.ts';
import type { Hop, HopKey } from '../../src/model/hop.ts';
import type { Store } from '../../src/store.ts';
import { afterAll, describe, expect } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import {
  databaseKinds,
  type DatabaseKind,
  makeDatabase,
  passTime,
  type TestDatabase,
} from '../support/database.ts';

export const LEASE_MS = 60_000;

export const draft: NewAnnouncement = {
  source: 'default',
  guarantee: 'at-least-once',
  ttlSeconds: null,
  dryRun: false,
  lanes: 1,
  content: {
    title: 'Grüße 🎉',
    body: 'it\'s "on"\n\\',
    image: null,
    data: { ключ: 'значение' },
    options: { badge: 1 },
  },
};

/** A delivery without its device. */
export type Entry = Omit<Delivery, 'deviceId'>;

export const delivered: Entry = {
  verdict: 'delivered',
  reason: null,
  messageName: 'projects/p/messages/1',
  retryInMs: null,
};
export const retryable: Entry = {
  verdict: 'retryable',
  reason: 'UNAVAILABLE',
  messageName: null,
  retryInMs: 10_000,
};

/** What the tests of a contract get: a store over a database that their file alone uses. */
export interface StoreWorld {
  readonly kind: DatabaseKind;
  readonly database: TestDatabase;
  readonly store: Store;
  /** A second connection to the same database, as another process has it. */
  readonly other: Store;
  /** Starts a new announcement; resolves to its first hop, not claimed yet. */
  readonly startHop: (announcement?: NewAnnouncement) => Promise<HopKey>;
  readonly claim: (key: HopKey, owner: string) => Promise<Hop>;
  /** Lets time pass in the database. */
  readonly passTime: (ms: number) => Promise<void>;
}

/** Runs the tests once for each kind of database. */
export async function describeStores(subject: string, tests: (world: StoreWorld) => void): Promise<void> {
  for (const kind of databaseKinds()) {
    const database = await makeDatabase(kind);
    const store = await openStore(database.config, systemClock);
    const other = await openStore(database.config, systemClock);
    describe(`${subject} (${kind})`, () => {
      afterAll(async () => {
        await store.close();
        await other.close();
        await database.drop();
      });
      tests({
        ...{ kind, database, store, other },
        async startHop(announcement = draft) {
          const key = { announcementId: await store.createAnnouncement(announcement), round: 0, fromId: 0 };
          expect(await store.startAnnouncement(key, LEASE_MS)).toBe(true);
          return key;
        },
        async claim(key, owner) {
          const claim = await store.claimHop(key, owner, LEASE_MS);
          if (claim.kind !== 'claimed') throw new Error(`expected a claimed hop, got ${claim.kind}`);
          return claim.hop;
        },
        passTime: (ms) => passTime(database, ms),
      });
    });
  }
}
