import { describe, expect, test } from 'vitest';
import { defaultOptions } from '../../src/rehearsal/options.ts';
import { isFlawless } from '../../src/rehearsal/summary.ts';
import { databaseKinds, makeDatabase } from '../support/database.ts';
import { PATIENT, rehearseHere } from '../support/rehearsal.ts';

describe.each(databaseKinds())('on %s', (kind) => {
  test(
    'phones move from their token to their FID, rows have the wrong kind, and workers are killed: each phone gets one push',
    { timeout: 180_000 },
    async () => {
      const database = await makeDatabase(kind, { migrated: false });
      try {
        const summary = await rehearseHere(
          {
            devices: 6000,
            pageSize: 500,
            hurry: 60,
            latencyMs: 20,
            workers: defaultOptions.workers,
            migrate: 0.4,
            mislabel: 0.02,
            kills: 2,
            seed: 15,
            faults: 'unavailable=0.01',
            database: database.url,
          },
          PATIENT,
        );
        expect(summary).toMatchObject({ status: 'done', lost: 0, unbalanced: 0, unregistered: 0, kills: 2 });
        expect(summary).toMatchObject({ migrated: 2400, livingMarked: 0, delivered: 6000 });
        expect(summary.duplicated).toBeLessThanOrEqual(summary.inFlightAtKills + summary.ambiguous);
        expect(isFlawless(summary)).toBe(true);
      } finally {
        await database.drop();
      }
    },
  );
});
