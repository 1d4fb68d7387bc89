import { SNS_NAME } from '../alert/sns.ts';
import type { AlertsConfig } from '../config/config.ts';
import type { Driver } from '../db/driver.ts';
import { readWhole } from '../db/rows.ts';
import { sql } from '../db/sql.ts';
import { type Check, type Finding, green, type NeedsFor, red } from './check.ts';

const VARIABLES = ['ALERT_WEBHOOK_URL', 'ALERT_WEBHOOK_SECRET', 'ALERT_SNS_TOPIC_ARN', 'ALERT_ON'];

/** One attempt fails for many reasons that pass. */
const MIN_ATTEMPTS = 2;

/** Checks that alerts reach someone, if they are configured. Nothing is sent: the tick's own attempts say how it went. */
export function alertChecks(
  { kinds, webhook, topicArn }: AlertsConfig,
  openDriver: () => Promise<Driver>,
  {
    needsFor,
    isOnAws,
    limitMs,
  }: { readonly needsFor: NeedsFor; readonly isOnAws: boolean; readonly limitMs: number },
): Check[] {
  if (webhook === null && topicArn === null) return [];
  const channels = [webhook ? `webhook (${webhook.format})` : [], topicArn === null ? [] : 'SNS'].flat();
  const says = `${kinds.join(', ')}; by ${channels.join(' and ')}`;
  const alerts: Check = {
    name: 'alerts',
    needs: ['migrations', ...needsFor(VARIABLES)],
    run: async () => checkWaiting(await openDriver(), says),
    advise: () => 'see the checks of the database',
  };
  if (topicArn === null || !isOnAws) return [alerts];
  const topic: Check = {
    name: 'alert topic',
    needs: needsFor(['ALERT_SNS_TOPIC_ARN']),
    run: () => checkTopic(topicArn, limitMs),
    advise: () =>
      'correct ALERT_SNS_TOPIC_ARN; allow sns:Publish and sns:GetTopicAttributes on the topic to the function; in a VPC, ' +
      'give it a route to SNS (a NAT gateway, or an interface endpoint)',
  };
  return [alerts, topic];
}

async function checkWaiting(driver: Driver, says: string): Promise<Finding> {
  const [row = {}] = await driver.all(
    sql`SELECT COUNT(*) AS alerts FROM push_alert WHERE closed_at IS NULL AND attempts >= ${MIN_ATTEMPTS}`,
  );
  const waiting = readWhole(row, 'alerts');
  if (waiting === 0) return green(says);
  return red(
    `${waiting} alerts could not be sent yet`,
    "the lines `alert not sent` of the function's log say why: correct the address or the key, or the receiver",
  );
}

async function checkTopic(topicArn: string, limitMs: number): Promise<Finding> {
  const { GetTopicAttributesCommand, SNSClient } = await import('@aws-sdk/client-sns');
  const client = new SNSClient({
    region: topicArn.split(':')[3] ?? '',
    ...SNS_NAME,
    maxAttempts: 1,
    requestHandler: { connectionTimeout: limitMs, requestTimeout: limitMs, throwOnRequestTimeout: true },
  });
  try {
    await client.send(new GetTopicAttributesCommand({ TopicArn: topicArn }));
    return green('it exists');
  } finally {
    client.destroy();
  }
}
