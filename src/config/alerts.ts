import { ALERT_KINDS, type AlertKind } from '../model/alert.ts';
import type { Reader } from './env-reader.ts';

/** What a webhook gets: the form of standardwebhooks.com, or a message that Slack shows. */
const FORMATS = ['standard', 'slack'] as const;

/** The range of https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme */
const MIN_KEY_BYTES = 24;
const MAX_KEY_BYTES = 64;
const SECRET = /^whsec_(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** https://docs.aws.amazon.com/sns/latest/dg/sns-create-topic.html */
const TOPIC_ARN = /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}(\.fifo)?$/;

export interface WebhookConfig {
  readonly url: string;
  /** Null: not signed. */
  readonly secret: string | null;
  readonly format: (typeof FORMATS)[number];
}

/** Who gets alerts, and of what. Without a webhook and a topic there are none. */
export interface AlertsConfig {
  readonly kinds: readonly AlertKind[];
  readonly webhook: WebhookConfig | null;
  readonly topicArn: string | null;
  /** The percentage of pushes that will never arrive from which an alert is made. */
  readonly failurePercent: number;
  readonly throttledMs: number;
  readonly stalledMs: number;
}

export function readAlerts(read: Reader): AlertsConfig {
  return {
    kinds: readKinds(read),
    webhook: readWebhook(read),
    topicArn: read.named('ALERT_SNS_TOPIC_ARN', TOPIC_ARN, 'the ARN of an SNS topic'),
    failurePercent: read.whole('ALERT_FAILURE_RATE', 1, 100),
    throttledMs: 60_000 * read.whole('ALERT_THROTTLED_MINUTES', 1, 1440),
    stalledMs: 60_000 * read.whole('ALERT_STALLED_MINUTES', 1, 1440),
  };
}

function readKinds(read: Reader): AlertKind[] {
  const names = read
    .text('ALERT_ON')
    .split(/[\s,]+/)
    .filter((name) => name !== '');
  const kinds = ALERT_KINDS.filter((kind) => names.includes(kind));
  if (new Set(names).size > kinds.length) {
    read.complain('ALERT_ON', `a list of ${ALERT_KINDS.join(', ')}`, 'other words');
  }
  return kinds;
}

/** The address of a webhook is a secret of its own: who knows Slack's may write there. */
function readWebhook(read: Reader): WebhookConfig | null {
  const format = read.oneOf('ALERT_WEBHOOK_FORMAT', FORMATS);
  const secret = read.optional('ALERT_WEBHOOK_SECRET');
  const address = read.optional('ALERT_WEBHOOK_URL');
  if (secret !== null && !isKey(secret)) {
    const expected = `whsec_ and a key of ${MIN_KEY_BYTES} to ${MAX_KEY_BYTES} bytes in Base64`;
    read.complain('ALERT_WEBHOOK_SECRET', expected, 'another text');
  }
  if (address === null) return null;
  const url = URL.parse(address);
  const isHttp = url?.protocol === 'https:' || url?.protocol === 'http:';
  if (!url || !isHttp || url.username !== '' || url.password !== '') {
    const expected = 'an address that begins with https:// or http://, without a user and a password';
    read.complain('ALERT_WEBHOOK_URL', expected, 'another text');
    return null;
  }
  if (secret === null && format === 'standard') {
    const expected = 'a key, because ALERT_WEBHOOK_URL is set (ALERT_WEBHOOK_FORMAT=slack needs none)';
    read.complain('ALERT_WEBHOOK_SECRET', expected, 'nothing');
  }
  return { url: url.href, secret, format };
}

function isKey(secret: string): boolean {
  if (!SECRET.test(secret)) return false;
  const { length } = Buffer.from(secret.slice('whsec_'.length), 'base64');
  return length >= MIN_KEY_BYTES && length <= MAX_KEY_BYTES;
}
