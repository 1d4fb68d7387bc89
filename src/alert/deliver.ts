import type { AlertsConfig } from '../config/config.ts';
import type { Context } from '../context.ts';
import type { Alert, AlertChannel, DueAlert } from '../model/alert.ts';
import { channelsOf } from './channels.ts';
import { publishToTopic } from './sns.ts';
import { postToWebhook } from './webhook.ts';

/** A tick sends at most so many alerts. */
const MAX_PER_TICK = 100;

/** A tick begins no attempt after this time, nor if its invocation has less time left. */
const MAX_TICK_MS = 20_000;
const MIN_REMAINING_MS = 15_000;

/** Longer than an attempt takes: then its process is dead, and the next tick sends the same alert again. */
const LEASE_MS = 30_000;

/** The wait after the first failed attempt; each further wait is twice as long, up to an hour. */
const RETRY_MS = 30_000;
const MAX_RETRY_MS = 3_600_000;

/** An attempt that fails after this time is the last one. */
const MAX_AGE_MS = 86_400_000;

type Deliverer = Pick<
  Context,
  'store' | 'config' | 'fetchConfig' | 'clock' | 'log' | 'metrics' | 'remainingMs' | 'signals'
>;

/**
 * Sends the alerts that are due; resolves to the number sent. An alert is claimed with a lease and keeps its id: one whose
 * process dies in between is sent again, and the receiver knows it by the id.
 */
export async function sendAlerts(ctx: Deliverer): Promise<number> {
  const { store, clock, config } = ctx;
  const due = await store.fetchDueAlerts(channelsOf(config.alerts), MAX_PER_TICK);
  if (due.length === 0) return 0;
  // The key may have been replaced since this process began.
  const { alerts } = (await ctx.fetchConfig?.()) ?? config;
  const endsAt = clock.now() + MAX_TICK_MS;
  const down = new Set<AlertChannel>();
  let sent = 0;
  for (const each of due) {
    if (clock.now() >= endsAt || ctx.remainingMs() < MIN_REMAINING_MS) break;
    // One attempt is enough to see that a channel does not answer.
    if (down.has(each.channel) || !(await store.claimAlert(each, LEASE_MS))) continue;
    const claimed = { ...each, attempts: each.attempts + 1 };
    if (await attempt(ctx, alerts, claimed)) sent++;
    else down.add(each.channel);
  }
  return sent;
}

/** Makes one attempt and records how it ended. */
async function attempt(
  { store, clock, log, metrics, signals }: Deliverer,
  alerts: AlertsConfig,
  claimed: DueAlert,
): Promise<boolean> {
  const { announcementId, kind, channel, alert, attempts, ageMs } = claimed;
  const why =
    alert === null ? 'its row cannot be read' : await send({ clock, signals }, alerts, channel, alert);
  if (why === null) {
    await store.closeAlert(claimed, 'alert sent', `${kind} by ${channel}`);
    log.info('alert sent', { announcementId, kind, channel });
    return true;
  }
  metrics.record({ AlertsFailed: 1 });
  log.error('alert not sent', { announcementId, kind, channel, attempts, why });
  if (alert === null || ageMs >= MAX_AGE_MS) {
    await store.closeAlert(claimed, 'alert failed', `${kind} by ${channel}, ${attempts} attempts: ${why}`);
  } else {
    await store.postponeAlert(claimed, Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** (attempts - 1)));
  }
  return false;
}

async function send(
  ctx: Pick<Context, 'clock' | 'signals'>,
  { webhook, topicArn }: AlertsConfig,
  channel: AlertChannel,
  alert: Alert,
): Promise<string | null> {
  switch (channel) {
    case 'webhook':
      return webhook ? postToWebhook(ctx, webhook, alert) : 'it is not configured any more';
    case 'sns':
      return topicArn === null
        ? 'it is not configured any more'
        : publishToTopic(ctx.signals, topicArn, alert);
  }
}
