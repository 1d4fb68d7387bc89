import type { Context } from '../context.ts';
import { makeId } from '../id.ts';
import type { NewAlert } from '../model/alert.ts';
import type { StandingNotice } from '../model/notice.ts';
import { channelsOf } from './channels.ts';

/** More notices than this are left to the next tick. */
const MAX_NOTICES = 100;

/**
 * Makes an alert of each notice that has none, also of those whose check has died after it had recorded them. Resolves to the
 * number of notices.
 */
export async function alertFromNotices(ctx: Pick<Context, 'store' | 'config'>): Promise<number> {
  const { store, config } = ctx;
  const notices = await store.fetchUnalertedNotices(MAX_NOTICES);
  const wanted = notices.filter(({ check }) => config.alerts.kinds.includes(check));
  await store.addAlerts(
    wanted.map((notice) => composeNotice(config.stage, notice)),
    channelsOf(config.alerts),
  );
  return wanted.length;
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
