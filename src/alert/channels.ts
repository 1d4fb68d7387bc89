import type { AlertsConfig } from '../config/config.ts';
import type { AlertChannel } from '../model/alert.ts';

/** The channels that are configured. */
export function channelsOf({ webhook, topicArn }: AlertsConfig): AlertChannel[] {
  return [...(webhook ? ['webhook' as const] : []), ...(topicArn === null ? [] : ['sns' as const])];
}
