import type { Context } from '../context.ts';
import { makeId } from '../id.ts';
import type { NewAlert } from '../model/alert.ts';
import { CHECKS, type StandingNotice } from '../model/notice.ts';
import { channelsOf } from './channels.ts';

/** More notices than this are left to the next tick. */
const MAX_NOTICES = 100;

/**
 * Makes an alert of each notice that has none, also of those whose check has died after it had recorded them. Resolves to the
 * number of notices.
 */
export async function alertFromNotices(ctx: Pick<Context, 'store' | 'config'>): Promise<number> {
  const { store, config } = ctx;
  const wanted = CHECKS.filter((check) => config.alerts.kinds.includes(check));
  const notices = await store.fetchUnalertedNotices(wanted, MAX_NOTICES);
  await store.addAlerts(
    notices.map((notice) => composeNotice(config.stage, notice)),
    channelsOf(config.alerts),
  );
  return notices.length;
}

function composeNotice(stage: string, notice: StandingNotice): NewAlert {
  const { noticeId, check, level, says, remedy, dueOn, source, foundAt } = notice;
  const due = dueOn === null ? '' : `, due on ${dueOn}`;
  const alert = {
    id: `alert_${makeId()}`,
    kind: check,
    at: foundAt,
    stage,
    source: '',
    announcementId: null,
    text: `${check} (${level}${due}): ${says}`,
    reason: source,
    balance: null,
    counts: null,
    next: remedy,
  };
  return { alert, cause: noticeId };
}
