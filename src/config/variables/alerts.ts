import { ALERT_KINDS } from '../../model/alert.ts';
import { CHECKS } from '../../model/notice.ts';
import { PLAIN, type Variable } from './variable.ts';

/** The variables of alerts, and of the checks that alerts are about. */
export const ALERT_VARIABLES = [
  {
    ...PLAIN,
    name: 'ALERT_WEBHOOK_URL',
    meaning:
      'The address that gets [alerts](operations.md#alerts) by POST. Without it and `ALERT_SNS_TOPIC_ARN` there are none.',
    isSecret: true,
  },
  {
    ...PLAIN,
    name: 'ALERT_WEBHOOK_SECRET',
    meaning:
      'The key that signs them: `whsec_` and 24 to 64 random bytes in Base64. Required, except for Slack.',
    isSecret: true,
  },
  {
    ...PLAIN,
    name: 'ALERT_WEBHOOK_FORMAT',
    fallback: 'standard',
    meaning: '`standard`: as standardwebhooks.com has it; `slack`: a message for a webhook of Slack.',
  },
  {
    ...PLAIN,
    name: 'ALERT_SNS_TOPIC_ARN',
    meaning: 'The SNS topic that gets alerts; for the function on AWS only.',
    // Workers on one machine have no credentials of AWS.
    isForWorkers: false,
  },
  {
    ...PLAIN,
    name: 'ALERT_ON',
    fallback: 'done,failed,paused,stalled,throttled,failure-rate,doctor,radar,canary',
    meaning: `What alerts are about: a list of ${ALERT_KINDS.map((kind) => `\`${kind}\``).join(', ')}.`,
  },
  {
    ...PLAIN,
    name: 'ALERT_FAILURE_RATE',
    fallback: '5',
    meaning:
      'The percentage of pushes that FCM rejected or did not answer from which there is an alert `failure-rate`.',
  },
  {
    ...PLAIN,
    name: 'ALERT_THROTTLED_MINUTES',
    fallback: '10',
    meaning:
      'After so many minutes, in all, in which FCM throttled or was down there is an alert `throttled`.',
  },
  {
    ...PLAIN,
    name: 'ALERT_STALLED_MINUTES',
    fallback: '5',
    meaning: 'After so many minutes without progress there is an alert `stalled`.',
  },
  {
    ...PLAIN,
    name: 'CHECKS',
    fallback: CHECKS.join(','),
    meaning: `The [checks](operations.md#checks-on-a-schedule) that the tick starts once a day and before a broadcast: a list of ${CHECKS.map((check) => `\`${check}\``).join(', ')}, or \`none\`.`,
  },
] as const satisfies readonly Variable[];
