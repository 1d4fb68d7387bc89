import type { Alert } from '../model/alert.ts';
import { formatCount, toIso } from '../words.ts';

/** https://docs.slack.dev/messaging/formatting-message-text#escaping */
const SLACK_ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** The payload of a webhook, as standardwebhooks.com has it: type, timestamp, data. */
export function toPayload(alert: Alert): object {
  const { id: _, at, ...data } = alert;
  const subject = alert.announcementId === null ? 'check' : 'announcement';
  const type = `${subject}.${alert.kind.replaceAll('-', '_')}`;
  return { type, timestamp: toIso(at), data };
}

/** A message for a webhook of Slack. */
export function toSlack(alert: Alert): { readonly text: string } {
  return { text: toText(alert).replaceAll(/[&<>]/g, (sign) => SLACK_ESCAPES[sign] ?? sign) };
}

/** The alert in a few lines, for a person. */
export function toText(alert: Alert): string {
  const { stage, source, text, reason, next, at } = alert;
  return [
    `[${stage}] ${text}`,
    ...(reason === null ? [] : [`Reason: ${reason}`]),
    ...describeNumbers(alert),
    `Next: ${next}`,
    source === '' ? toIso(at) : `Source ${source}, ${toIso(at)}`,
  ].join('\n');
}

function describeNumbers({ balance, counts }: Alert): string[] {
  if (balance !== null) {
    const { audience, ...parts } = balance;
    return [`Audience ${formatCount(audience)}: ${describe(parts)}`];
  }
  return counts === null ? [] : [`Deliveries: ${describe(counts)}`];
}

function describe(numbers: Readonly<Record<string, number>>): string {
  return Object.entries(numbers)
    .map(([name, count]) => `${name} ${formatCount(count)}`)
    .join(', ');
}
