import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config/config.ts';
import { migrateDatabase, openStore } from '../../src/db/open.ts';
import { functionEnvironment } from '../../src/rehearsal/environment.ts';
import { defaultOptions, type RehearsalOptions } from '../../src/rehearsal/options.ts';
import { rehearse } from '../../src/rehearsal/run.ts';
import { makePlan } from '../../src/report/plan/plan.ts';
import { draft, madeUpDevices } from '../support/context.ts';

const DEVICES = 20_000;
const QUOTAS = [60_000, 240_000, 600_000];
/** Of the sandbox; the mean of log-normal times is a little above their median. */
const MEDIAN_MS = 50;
const MAX_DEVIATION = 0.15;

/**
 * `npm run bench -- plan`: what a plan says, beside what a rehearsal then takes, at three quotas, with the ramp and the waits
 * of the real function (`--hurry 1`).
 */
export async function benchPlan(): Promise<void> {
  for (const quotaPerMinute of QUOTAS) {
    const folder = await mkdtemp(join(tmpdir(), 'baton-bench-'));
    const options: RehearsalOptions = {
      ...defaultOptions,
      ...{ devices: DEVICES, quotaPerMinute, latencyMs: MEDIAN_MS, hurry: 1 },
      database: join(folder, 'rehearsal.db'),
    };
    try {
      const plannedMs = await plan(options, join(folder, 'plan.db'));
      const { status, cpu } = await rehearse(options, { env: {}, folder });
      const tookMs = await readDuration(options.database ?? '');
      const deviation = plannedMs / tookMs - 1;
      const isFar = status !== 'done' || !(Math.abs(deviation) <= MAX_DEVIATION);
      if (isFar) process.exitCode = 1;
      process.stdout.write(
        `${quotaPerMinute} a minute: planned ${(plannedMs / 1000).toFixed(1)} s, took ${(tookMs / 1000).toFixed(1)} s (${status}); ` +
          `the plan is ${(100 * Math.abs(deviation)).toFixed(1)}% ${deviation < 0 ? 'too short' : 'too long'}` +
          `${isFar ? ', expected at most 15%' : ''}; ${Math.round(100 * cpu.share)}% of the CPU busy\n`,
      );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

/** Plans the same broadcast in a database of its own: the rehearsal's has to be empty. */
async function plan(options: RehearsalOptions, file: string): Promise<number> {
  const config = parseConfig(functionEnvironment(options, file, {}));
  await migrateDatabase(config.database, systemClock);
  const store = await openStore(config.database, systemClock);
  try {
    await store.addDevices(madeUpDevices(options.devices));
    // The source has measured FCM's answers before.
    await store.recordAnswerTime(draft.source, Math.round(MEDIAN_MS * Math.exp(options.sigma ** 2 / 2)));
    const announcementId = await store.createAnnouncement(draft);
    return (await makePlan({ store, config, clock: systemClock }, announcementId)).durationMs;
  } finally {
    await store.close();
  }
}

async function readDuration(file: string): Promise<number> {
  const { database } = parseConfig({ DATABASE_URL: file });
  const store = await openStore(database, systemClock);
  try {
    const [summary] = await store.fetchLatest(1);
    return (summary?.finishedAt ?? Number.NaN) - (summary?.startedAt ?? 0);
  } finally {
    await store.close();
  }
}
