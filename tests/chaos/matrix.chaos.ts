import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { acceptedLogFile } from '../../src/rehearsal/environment.ts';
import { DEFAULT_FAULTS, defaultOptions } from '../../src/rehearsal/options.ts';
import { isFlawless } from '../../src/rehearsal/summary.ts';
import { MAIN } from '../support/baton.ts';
import { type DatabaseKind, databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';
import { PATIENT, rehearseHere } from '../support/rehearsal.ts';

const LONG = 180_000;
const GUARANTEES = ['at-least-once', 'at-most-once'] as const;

/** 4000 devices in 8 hops; leases of 6 s, and all other waits 60 times shorter than in production. */
const FRAME = {
  devices: 4000,
  pageSize: 500,
  hurry: 60,
  latencyMs: 20,
  rampSeconds: defaultOptions.rampSeconds,
  workers: defaultOptions.workers,
};

const EVENTS = { duplicate: 0.2, drop: 0.05 };
const TRANSIENT = 'unavailable=0.03,internal=0.01,quota=0.02,goaway=0.005';
const AMBIGUOUS = 'reset=0.01,silent=0.001';

// Two at once: they mostly wait, for leases and ticks, and each takes half a core.
describe.concurrent.each(databaseKinds())('on %s', (kind) => {
  test(
    'some of the devices, with kills, lost and repeated events: exactly the audience gets the push, and its balance holds',
    { timeout: LONG },
    () =>
      inDatabase(kind, async ({ url }) => {
        // Of the devices, two in three have the platform and two in three the version.
        const audience = { platform: ['ios', 'android'] as const, appVersion: { from: '4.10' } };
        const faults = { ...EVENTS, faults: TRANSIENT, kills: 2, seed: 14 };
        const summary = await rehearseHere(
          { ...FRAME, ...faults, audience, devices: 6000, lanes: 2, database: url },
          PATIENT,
        );
        expect(summary).toMatchObject({ status: 'done', lost: 0, retryable: 0, unbalanced: 0, kills: 2 });
        expect(summary.balance).toMatchObject({ audience: summary.devices, excluded: 0, unsent: 0 });
        expect(summary.delivered + summary.rejected).toBe(summary.devices);
        expect(summary.devices).toBeGreaterThan(2000);
        expect(summary.devices).toBeLessThan(3000);
        expect(isFlawless(summary)).toBe(true);
      }),
  );

  describe.concurrent.each(GUARANTEES)('%s', (guarantee) => {
    test(
      'lost and repeated events, 429, 500, 503 and GOAWAY: no push is lost and none is duplicated',
      { timeout: LONG },
      () =>
        inDatabase(kind, async ({ url }) => {
          const faults = { ...EVENTS, faults: TRANSIENT, seed: 11 };
          const summary = await rehearseHere({ ...FRAME, ...faults, database: url, guarantee }, PATIENT);
          expect(summary).toMatchObject({ status: 'done', lost: 0, duplicated: 0, retryable: 0, unknown: 0 });
          expect(summary.eventsDuplicated).toBeGreaterThan(0);
          expect(summary.delivered + summary.rejected).toBe(4000);
          expect(isFlawless(summary)).toBe(true);
        }),
    );

    test(
      'kills and missing answers: only pushes in flight are duplicated, or stay unknown',
      { timeout: LONG },
      () =>
        inDatabase(kind, async ({ url }) => {
          const faults = { ...EVENTS, faults: `${TRANSIENT},${AMBIGUOUS}`, kills: 5, seed: 12 };
          // In lanes, since in a single chain the leases of the killed hops would run out one after the other.
          const summary = await rehearseHere(
            { ...FRAME, ...faults, lanes: 4, database: url, guarantee },
            PATIENT,
          );
          expect(summary).toMatchObject({ status: 'done', lost: 0, retryable: 0, kills: 5 });
          if (guarantee === 'at-most-once') expect(summary.duplicated).toBe(0);
          expect(summary.duplicated).toBeLessThanOrEqual(summary.inFlightAtKills + summary.ambiguous);
          expect(isFlawless(summary)).toBe(true);
        }),
    );

    test(
      'the whole machine killed in the middle of a broadcast: --resume finishes it',
      { timeout: LONG },
      () =>
        inDatabase(kind, async ({ url }) => {
          const args = ['--devices', '4000', '--page-size', '500', '--hurry', '60', '--latency', '20'];
          const victim = spawn(
            process.execPath,
            [MAIN, 'rehearse', ...args, '--database', url, '--guarantee', guarantee],
            { stdio: 'ignore' },
          );
          await waitUntilAccepted(800, acceptedLogFile(url));
          victim.kill('SIGKILL');
          const summary = await rehearseHere(
            { ...FRAME, faults: DEFAULT_FAULTS, database: url, guarantee, resume: true },
            PATIENT,
          );
          expect(summary).toMatchObject({ status: 'done', lost: 0, retryable: 0 });
          expect(summary.duplicated).toBeLessThanOrEqual(
            guarantee === 'at-most-once' ? 0 : summary.inFlightAtKills,
          );
          expect(isFlawless(summary)).toBe(true);
        }),
    );
  });
});

async function inDatabase(
  kind: DatabaseKind,
  work: (database: TestDatabase) => Promise<void>,
): Promise<void> {
  const database = await makeDatabase(kind, { migrated: false });
  try {
    await work(database);
  } finally {
    await database.drop();
  }
}

async function waitUntilAccepted(messages: number, logFile: string): Promise<void> {
  const count = (): number => (existsSync(logFile) ? readFileSync(logFile, 'utf8').split('\n').length : 0);
  while (count() < messages) await sleep(10);
}

describe.skipIf(!databaseKinds().includes('mysql')).concurrent('on mysql only', () => {
  test.each(GUARANTEES)(
    'cut database connections neither lose nor duplicate a push: %s',
    { timeout: LONG },
    (guarantee) =>
      inDatabase('mysql', async ({ url }) => {
        const faults = { ...EVENTS, faults: TRANSIENT, dbFaults: 8 };
        const summary = await rehearseHere({ ...FRAME, ...faults, database: url, guarantee }, PATIENT);
        expect(summary).toMatchObject({ status: 'done', lost: 0, duplicated: 0, retryable: 0, dbFaults: 8 });
        expect(isFlawless(summary)).toBe(true);
      }),
  );
});
