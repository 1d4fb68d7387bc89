import type { BroadcastJob, PushJob } from '../../src/job.ts';
import type { Content } from '../../src/model/content.ts';
import { DatabaseSync } from 'node:sqlite';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runHop } from '../../src/broadcast/hop.ts';
import type { Context, Services } from '../../src/context.ts';
import { openServices } from '../../src/handler.ts';
import { makeTestClock, type TestClock } from '../support/clock.ts';
import { openTimedStore } from '../support/timed-store.ts';
import { writeSandboxCredentials } from '../../src/rehearsal/fcm/credentials.ts';
import { type FcmSandbox, type FcmSandboxOptions, startFcmSandbox } from '../../src/rehearsal/fcm/sandbox.ts';
import { draft, madeUpDevices } from '../support/context.ts';
import { databaseKinds, makeDatabase, type TestDatabase } from '../support/database.ts';

const DEVICES = 300;
const CHUNK = 50;
/** The first wait of an outage; longer than an invocation here has time for, so that it is left to the tick. */
const RETRY_MS = 600;
const WITHOUT_END = { fromMs: 0, forMs: 3_600_000 };

describe.each(databaseKinds())("failures that are not the devices' fault, on %s", (kind) => {
  let database: TestDatabase;
  let folder: string;
  let sandbox: FcmSandbox;
  let services: Services;
  let clock: TestClock;
  const invoked: PushJob[] = [];

  beforeEach(async () => {
    clock = makeTestClock({ startMs: Date.now(), isEager: true });
    database = await makeDatabase(kind);
    folder = mkdtempSync(join(tmpdir(), 'baton-systemic-'));
  });
  afterEach(async () => {
    await leave();
    vi.unstubAllEnvs();
    await database.drop();
    rmSync(folder, { recursive: true });
  });

  /** Opens the function's own services, against a sandbox of FCM with these options. */
  async function meet(fcm: FcmSandboxOptions, env: Record<string, string> = {}): Promise<void> {
    sandbox = await startFcmSandbox(fcm);
    invoked.length = 0;
    // Google's own client reads it from there.
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', writeSandboxCredentials(folder, sandbox.tokenUrl));
    const opened = await openServices(
      {
        DATABASE_URL: database.url,
        FCM_ENDPOINT: sandbox.endpoint,
        FCM_PROJECT_ID: 'a-project',
        // A machine that is busy is no FCM that is silent.
        FCM_TIMEOUT_MS: '10000',
        FCM_CREDENTIALS: 'application-default',
        FCM_RAMP_SECONDS: '0',
        PAGE_SIZE: '100',
        BATCH_SIZE: String(CHUNK),
        RETRY_MS: String(RETRY_MS),
        ...env,
      },
      () => {},
    );
    await opened.store.close();
    // Waits pass at once; FCM's time-out is real.
    const timed = { ...clock, timeout: (ms: number) => AbortSignal.timeout(ms) };
    services = { ...opened, clock: timed, store: openTimedStore(database.config, clock) };
  }

  async function leave(): Promise<void> {
    await services.senders.close();
    await services.store.close();
    services.invoker.close();
    await sandbox.close();
  }

  async function announce(content: Partial<Content> = {}): Promise<BroadcastJob> {
    await services.store.addDevices(madeUpDevices(DEVICES));
    const announcementId = await services.store.createAnnouncement({
      ...draft,
      content: { ...draft.content, ...content },
    });
    return { kind: 'broadcast', announcementId, round: 0, fromId: 0 };
  }

  /** Runs the job and every job that it leads to. */
  async function runAll(job: BroadcastJob): Promise<void> {
    const jobs: PushJob[] = [job];
    const ctx: Context = {
      ...services,
      invoker: { invoke: async (_name, next) => void (jobs.push(next), invoked.push(next)), close: () => {} },
      requestId: 'r',
      actor: 'event',
      functionName: 'baton',
      remainingMs: () => services.config.reserveMs + RETRY_MS / 2,
    };
    for (let next = jobs.shift(); next; next = jobs.shift()) {
      if (next.kind === 'broadcast') await runHop(ctx, next);
    }
  }

  async function ask(sql: string): Promise<void> {
    if (database.config.kind === 'sqlite') {
      const file = new DatabaseSync(database.config.file);
      file.exec(sql);
      file.close();
      return;
    }
    const connection = await createConnection(database.url);
    await connection.query(sql);
    await connection.end();
  }

  /** At most one chunk was sent to FCM and is in the ledger, no other hop was woken, and no device was marked. */
  async function expectOneChunkSpent({ announcementId }: BroadcastJob): Promise<void> {
    const { store } = services;
    expect(sandbox.accepted.size).toBe(0);
    expect(sandbox.stats().requests).toBeLessThanOrEqual(CHUNK);
    const counts = Object.values(await store.countDeliveries(announcementId));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(CHUNK);
    expect(invoked.filter((job) => job.kind === 'broadcast' && job.fromId > 0)).toEqual([]);
    expect(await store.countDevices()).toBe(DEVICES);
    expect(await store.countUnregistered()).toEqual([]);
  }

  /** Each device is in FCM's own log once. */
  async function expectDone({ announcementId }: BroadcastJob): Promise<void> {
    expect(await services.store.fetchAnnouncement(announcementId)).toMatchObject({
      status: 'done',
      statusReason: null,
    });
    expect(await services.store.countDeliveries(announcementId)).toMatchObject({ delivered: DEVICES });
    expect([...sandbox.accepted.values()]).toEqual(Array(DEVICES).fill(1));
  }

  const statusOf = ({ announcementId }: BroadcastJob) => services.store.fetchAnnouncement(announcementId);
  /** As `baton resume` does, and the tick after it. */
  async function resume(job: BroadcastJob): Promise<void> {
    expect(await services.store.moveAnnouncement(job.announcementId, ['failed'], 'running', null)).toBe(true);
    await runAll(job);
  }

  test.each<[string, FcmSandboxOptions, RegExp]>([
    ['tokens of another project', { faults: { mismatch: 1 } }, /another Firebase project/],
    ['an expired key', { outage: { kind: '401', ...WITHOUT_END } }, /HTTP_401.*service account key/],
    ['a project that is not there', { outage: { kind: '404', ...WITHOUT_END } }, /HTTP_404.*FCM_PROJECT_ID/],
    [
      'a payload that FCM refuses without naming a field',
      { outage: { kind: '400', ...WITHOUT_END } },
      /INVALID_ARGUMENT.*FCM says: Request contains an invalid argument\.$/,
    ],
    [
      'a project without the API',
      { outage: { kind: '403', ...WITHOUT_END } },
      /HTTP_403_SERVICE_DISABLED.*enable the Firebase.*FCM says: .*Enable it by visiting https:/,
    ],
    ['every app gone', { faults: { unregistered: 1 } }, /UNREGISTERED.*--accept-unregistered/],
  ])('%s: it fails after one chunk, says why, and resume completes it', async (_words, fcm, reason) => {
    await meet(fcm);
    const job = await announce();
    await runAll(job);
    expect(await statusOf(job)).toMatchObject({ status: 'failed' });
    expect((await statusOf(job))?.statusReason).toMatch(reason);
    await expectOneChunkSpent(job);

    await leave();
    await meet({});
    await resume(job);
    await expectDone(job);
  });

  test('a message of more than 4,096 bytes fails after one chunk, and is sent after it was shortened', async () => {
    await meet({});
    const job = await announce({ data: { text: 'x'.repeat(4096) } });
    await runAll(job);
    expect((await statusOf(job))?.statusReason).toContain('at most 4096 bytes');
    await expectOneChunkSpent(job);

    await ask(`UPDATE push_announcement SET data = '{}'`);
    await resume(job);
    await expectDone(job);
  });

  test('apps that are really gone are accepted after a resume that says so, and may be restored', async () => {
    await meet({ faults: { unregistered: 1 } });
    const job = await announce();
    await runAll(job);
    expect(await statusOf(job)).toMatchObject({ status: 'failed' });
    await services.store.acceptUnregistered(job.announcementId);
    await resume(job);
    expect(await statusOf(job)).toMatchObject({ status: 'done' });
    expect(await services.store.countDeliveries(job.announcementId)).toMatchObject({ unregistered: DEVICES });
    expect(await services.store.countDevices()).toBe(0);
    expect(await services.store.restoreDevices(job.announcementId)).toBe(DEVICES);
    expect(await services.store.countDevices()).toBe(DEVICES);
  });

  test.each<[string, FcmSandboxOptions, Record<string, string>, RegExp]>([
    [
      '503',
      { outage: { kind: '503', ...WITHOUT_END } },
      {},
      /^FCM is down \(UNAVAILABLE\): waiting until 20/,
    ],
    [
      'silence',
      { outage: { kind: 'silent', ...WITHOUT_END } },
      { FCM_TIMEOUT_MS: '500' },
      /^FCM does not answer \(TIMEOUT/,
    ],
    [
      'no connection',
      {},
      { FCM_ENDPOINT: 'http://127.0.0.1:9' },
      /^there is no connection to FCM \(NO_CONNECTION_ECONNREFUSED\): waiting until 20/,
    ],
  ])(
    'FCM down, %s: it waits and says why, spends one chunk, and goes on by itself',
    async (_words, fcm, env, reason) => {
      await meet(fcm, env);
      const job = await announce();
      await runAll(job);
      expect(await statusOf(job)).toMatchObject({ status: 'running' });
      expect((await statusOf(job))?.statusReason).toMatch(reason);
      await expectOneChunkSpent(job);

      // The next tick comes while FCM is still down: it is probed, and no device's push is spent on that.
      const before = sandbox.stats().requests;
      await clock.advance(RETRY_MS + 100);
      await runAll(job);
      expect(sandbox.stats().requests - before).toBeLessThanOrEqual(3);
      expect((await statusOf(job))?.statusReason).toMatch(reason);
      const { brakeMs, outages } = await services.store.fetchBudget('default', null);
      expect(outages).toBe(2);
      expect(brakeMs).toBeGreaterThan(RETRY_MS);

      await leave();
      await meet({});
      await clock.advance(2 * RETRY_MS + 100);
      await runAll(job);
      // What was not answered may have been accepted: it is sent again in a retry round.
      const retries = { ...job, round: 1 };
      await clock.advance(2 * RETRY_MS);
      await runAll(retries);
      await expectDone(job);
      const statement = await services.store.fetchVerdicts(job.announcementId, 0, 10_000);
      expect(statement.size).toBe(DEVICES);
    },
  );
});
