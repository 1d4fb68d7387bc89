import type { Context } from '../context.ts';
import { isBadRow, messageOf } from '../errors.ts';
import type { AnnouncementAlertKind, NewAlert } from '../model/alert.ts';
import type { Announcement } from '../model/announcement.ts';
import type { Actor, AuditAction, AuditEntry } from '../model/audit.ts';
import type { Counts } from '../model/delivery.ts';
import type { Totals } from '../model/summary.ts';
import { fetchTotalsOf } from '../store/summaries.ts';
import { channelsOf } from './channels.ts';
import { composeAlert, failuresOf } from './compose.ts';

/** Lines of the audit that alerts are about, each with the kind that has the same name. */
const ACTIONS = ['started', 'done', 'failed', 'paused'] as const satisfies readonly (AuditAction &
  AnnouncementAlertKind)[];

/** Who pauses an announcement at its start. */
const OWN_ACTOR: Actor = 'baton';

/** What is older than this is no news, if no tick has come for so long. */
const MAX_AGE_MS = 86_400_000;

/** The first tick with alerts looks back so far. */
const FIRST_LOOK_MS = 600_000;

/** A line becomes visible when its transaction ends: each tick also looks at what the one before could have missed. */
const OVERLAP_MS = 120_000;

/** More lines than this are left to the next tick. */
const MAX_ENTRIES = 1000;

/** Fewer answers say nothing about a rate. */
const MIN_ANSWERS = 100;

type Maker = Pick<Context, 'store' | 'config' | 'log'>;

/**
 * Makes the alerts about what has started, ended or failed. The audit has a line about each, made in the transaction of the
 * change, so that no alert is lost whatever process dies. Resolves to the number of lines that it has looked at.
 */
export async function alertFromAudit(ctx: Maker): Promise<number> {
  const { store, log } = ctx;
  const { nowMs, markMs } = await store.fetchAuditMark();
  const sinceMs = markMs === null ? nowMs - FIRST_LOOK_MS : markMs - OVERLAP_MS;
  const fromMs = Math.max(0, nowMs - MAX_AGE_MS, sinceMs);
  const entries = await store.fetchUnalerted(ACTIONS, fromMs, MAX_ENTRIES);
  for (const entry of entries) {
    try {
      await alertAbout(ctx, entry);
    } catch (error) {
      // The next tick could do no better with a bad row. After any other error it looks at the same lines again.
      if (!isBadRow(error)) throw error;
      log.error('alert not made', { announcementId: entry.announcementId, why: messageOf(error) });
    }
  }
  const lastMs = entries.length < MAX_ENTRIES ? undefined : entries.at(-1)?.at;
  await store.recordAuditMark(lastMs ?? nowMs);
  return entries.length;
}

async function alertAbout(ctx: Maker, entry: AuditEntry): Promise<void> {
  const { store, config } = ctx;
  const { action, announcementId, at, auditId, why, actor } = entry;
  const kind = ACTIONS.find((each) => each === action);
  if (kind === undefined || announcementId === null) return;
  // A person who pauses an announcement knows it.
  if (kind === 'paused' && actor !== OWN_ACTOR) return;
  const announcement = await store.fetchAnnouncement(announcementId);
  if (!announcement || !isWanted(ctx, kind, announcement)) return;
  const { totals, counts } = await fetchNumbers(ctx, announcementId);
  const numbers = { at, announcement, totals, counts, isOver: kind === 'done' };
  const alerts: NewAlert[] = [];
  if (isAbout(ctx, kind, announcement)) {
    const startedBy = kind === 'started' ? { actor } : {};
    alerts.push({
      cause: auditId,
      alert: composeAlert(ctx, { ...numbers, ...startedBy, kind, reason: why }),
    });
  }
  const { percent, answered } = failuresOf(counts, numbers.isOver);
  const isTooMany = answered >= MIN_ANSWERS && percent >= config.alerts.failurePercent;
  if (kind !== 'started' && isTooMany && config.alerts.kinds.includes('failure-rate')) {
    alerts.push({ cause: 0, alert: composeAlert(ctx, { ...numbers, kind: 'failure-rate', reason: null }) });
  }
  await store.addAlerts(alerts, channelsOf(config.alerts));
}

/** False if nothing about this line is ever an alert, so that its numbers need not be fetched. */
function isWanted(ctx: Maker, kind: AnnouncementAlertKind, announcement: Announcement): boolean {
  return (
    isAbout(ctx, kind, announcement) ||
    (kind !== 'started' && ctx.config.alerts.kinds.includes('failure-rate'))
  );
}

/** A mailing may start every minute: only its troubles are alerts. */
function isAbout({ config }: Maker, kind: AnnouncementAlertKind, { audience }: Announcement): boolean {
  return config.alerts.kinds.includes(kind) && (audience === 'devices' || kind === 'failed');
}

/**
 * The numbers of an announcement; null for the deliveries of one that failed before it started. They are counted in the ledger
 * if its hops did not keep them.
 */
async function fetchNumbers(
  { store }: Maker,
  announcementId: number,
): Promise<{ totals: Totals; counts: Counts | null }> {
  const totals = await fetchTotalsOf(store, announcementId);
  const { hops, counts, isCounted } = totals;
  if (hops.open + hops.closed === 0) return { totals, counts: null };
  return { totals, counts: isCounted ? counts : await store.countDeliveries(announcementId) };
}
