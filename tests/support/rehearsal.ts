import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseFaults } from '../../src/rehearsal/fcm/faults.ts';
import { defaultOptions, type RehearsalOptions } from '../../src/rehearsal/options.ts';
import { rehearse, type RehearsalPlace } from '../../src/rehearsal/run.ts';
import type { Summary } from '../../src/rehearsal/summary.ts';
import { baton } from './baton.ts';

type Options = Omit<Partial<RehearsalOptions>, 'faults'> & { readonly faults?: string };

/** A push without an answer is sent again, and on a busy machine the sandbox may be late: it gets more time than by default. */
export const PATIENT = { functionEnv: { FCM_TIMEOUT_MS: '5000', DEADLINE_RESERVE_MS: '6000' } };

/** Rehearses in this process, with one worker, quick answers and no ramp, unless the options say otherwise. */
export async function rehearseHere(
  { faults = '', ...options }: Options,
  place: Omit<RehearsalPlace, 'env' | 'folder'> = {},
): Promise<Summary> {
  const folder = await mkdtemp(join(tmpdir(), 'baton-rehearsal-'));
  try {
    return await rehearse(
      {
        ...defaultOptions,
        workers: 1,
        latencyMs: 2,
        rampSeconds: 0,
        ...options,
        faults: parseFaults(faults),
      },
      { ...place, env: {}, folder },
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Runs `baton rehearse --json` in a process of its own. */
export async function rehearseInProcess(
  ...args: string[]
): Promise<{ status: number | null; summary: Summary; err: string }> {
  const { status, out, err } = await baton(['rehearse', '--json', ...args]);
  if (!out.startsWith('{')) throw new Error(`expected a summary, got ${out}${err}`);
  return { status, err, summary: JSON.parse(out) as Summary };
}
