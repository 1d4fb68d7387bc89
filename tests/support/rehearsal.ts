import type { Summary } from '../../src/rehearsal/summary.ts';
import { baton } from './baton.ts';

/** `baton rehearse --json` in a process of its own. */
export async function rehearse(
  ...args: string[]
): Promise<{ status: number | null; summary: Summary; err: string }> {
  const { status, out, err } = await baton(['rehearse', '--json', ...args]);
  if (!out.startsWith('{')) throw new Error(`no summary, but ${out}${err}`);
  return { status, err, summary: JSON.parse(out) as Summary };
}
