import type { Context } from '../context.ts';
import type { CheckJob } from '../job.ts';
import type { CheckName, Notice } from '../model/notice.ts';
import { channelsOf } from './channels.ts';
import { sendAlerts } from './deliver.ts';
import { alertFromNotices } from './from-notices.ts';

export interface CheckReport {
  readonly kind: CheckName;
  /** False: it has found something red. */
  readonly ok: boolean;
  readonly notices: readonly Notice[];
}

/**
 * Records what a check has found, and sends the alerts about what is new. The name of its run says for which announcement it
 * was made, if for one.
 */
export async function recordCheck(
  ctx: Context,
  { kind, announcementId }: CheckJob,
  notices: readonly Notice[],
  runName = checkRunName({ kind, announcementId }),
): Promise<CheckReport> {
  const { store, config, log } = ctx;
  const ok = notices.every(({ level }) => level !== 'red');
  await store.recordNotices(kind, notices);
  await store.endCheck(runName, ok);
  if (announcementId !== undefined) await store.endCheck(kind, ok);
  log.info('checked', { check: kind, ok, notices: notices.length });
  if (channelsOf(config.alerts).length > 0) {
    await alertFromNotices(ctx);
    await sendAlerts(ctx);
  }
  return { kind, ok, notices };
}

/** The name of a run in push_check. */
export function checkRunName({ kind, announcementId }: CheckJob): string {
  return announcementId === undefined ? kind : `${kind}-${announcementId}`;
}
