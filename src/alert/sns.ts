import { hearAnswers, makeHearer } from '../announced.ts';
import type { Signals } from '../context.ts';
import type { Alert } from '../model/alert.ts';
import { toText } from './format.ts';

/** SNS answers in milliseconds. The SDK's default is to wait without a limit. */
const TIMEOUTS = { connectionTimeout: 3000, requestTimeout: 5000, throwOnRequestTimeout: true };

/**
 * The plain name of SNS has IPv6 addresses; AWS_USE_DUALSTACK_ENDPOINT would lead to another one, which SNS does not document.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-dual-stack.html
 */
export const SNS_NAME = { useDualstackEndpoint: false } as const;

/** https://docs.aws.amazon.com/sns/latest/api/API_Publish.html: ASCII, fewer than 100 characters. */
const MAX_SUBJECT_LENGTH = 99;

/**
 * Publishes an alert to an SNS topic; resolves to why it was not taken, or to null. Credentials and endpoint come from the
 * SDK's standard variables. Loaded only here: no push waits for the client.
 */
export async function publishToTopic(
  signals: Pick<Signals, 'note'>,
  topicArn: string,
  alert: Alert,
): Promise<string | null> {
  const { SNSClient, PublishCommand } = await import('@aws-sdk/client-sns');
  const client = new SNSClient({
    region: topicArn.split(':')[3] ?? '',
    ...SNS_NAME,
    maxAttempts: 1,
    requestHandler: TIMEOUTS,
  });
  const { stage, announcementId, kind } = alert;
  try {
    const command = new PublishCommand({
      TopicArn: topicArn,
      Subject:
        `[${stage}] ${announcementId === null ? kind : `Announcement ${announcementId}: ${kind}`}`.slice(
          0,
          MAX_SUBJECT_LENGTH,
        ),
      Message: toText(alert),
      MessageAttributes: { kind: makeAttribute(kind), stage: makeAttribute(stage) },
      ...(topicArn.endsWith('.fifo')
        ? { MessageGroupId: groupOf(alert), MessageDeduplicationId: alert.id }
        : {}),
    });
    await hearAnswers(makeHearer(signals, 'sns'), () => client.send(command));
    return null;
  } catch (error) {
    // The message may quote what answered in place of SNS.
    return error instanceof Error ? error.name : 'no connection';
  } finally {
    client.destroy();
  }
}

/** Alerts of one group are received in order: those about one announcement, and those of one check. */
function groupOf({ announcementId, kind }: Alert): string {
  return announcementId === null ? `check-${kind}` : `announcement-${announcementId}`;
}

function makeAttribute(value: string): { DataType: string; StringValue: string } {
  return { DataType: 'String', StringValue: value };
}
