import type { Context } from '../context.ts';
import { channelsOf } from './channels.ts';
import { sendAlerts } from './deliver.ts';
import { alertFromAudit } from './from-audit.ts';
import { alertFromNotices } from './from-notices.ts';
import { watchRunning } from './watch.ts';

/** Runs a part of the tick, so that an error in it does not end the others. */
export interface Steps {
  step(name: string, work: () => Promise<number>): Promise<number>;
}

/** The part of the tick that makes alerts and sends them. Without a channel it does nothing. */
export async function raiseAlerts(ctx: Context, steps: Steps): Promise<void> {
  if (channelsOf(ctx.config.alerts).length === 0) return;
  await steps.step('alerts of the audit', () => alertFromAudit(ctx));
  await steps.step('alerts of running announcements', () => watchRunning(ctx));
  await steps.step('alerts of checks', () => alertFromNotices(ctx));
  await steps.step('alerts to send', () => sendAlerts(ctx));
}
