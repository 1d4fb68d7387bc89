import { Metrics as PowertoolsMetrics } from '@aws-lambda-powertools/metrics';
import { type Counts, VERDICTS, type Verdict } from './model/delivery.ts';

/**
 * Every metric of Baton with its unit, by the name that CloudWatch shows. The dashboard and the alarms of the deployment name
 * no other metrics in Baton's namespace.
 * - `Pushes…`: pushes recorded with this verdict; a straggler counts as unknown, and again when its answer is recorded.
 * - `FcmAnswerTime`: mean time from the sending of a broadcast's push to FCM's answer, of each batch of answers.
 * - `HopDuration`: from the claim of a hop to its end, the wait for its slot included.
 * - `SlotWait`: how long a hop waited for its first slot in the budget.
 * - `Throttled`: pushes that FCM did not take because the quota was used up.
 * - `HopsWoken`: stalled hops that the scan invoked again.
 * - `AnnouncementsDone`, `AnnouncementsFailed`: announcements that got this status.
 * - `AlertsFailed`: attempts to send an alert that failed; each is repeated.
 * - `DoctorFailed`: 1 for each run of the doctor that has found something red or could not record what it has found, 0 for
 *   each other one.
 * - `ReceiptsCounted`: receipts of phones that were new.
 * - `ReceiptsUnknown`: receipts of no device, or of a push that the device did not get.
 * - `MessagesAtOnce`: messages sent at once, not in a mailing.
 * - `MessageAnswerTime`: from the sending of messages at once to FCM's last answer.
 */
export const METRICS = {
  PushesDelivered: 'Count',
  PushesUnregistered: 'Count',
  PushesRejected: 'Count',
  PushesRetryable: 'Count',
  PushesMisconfigured: 'Count',
  PushesUnknown: 'Count',
  PushesUnsent: 'Count',
  FcmAnswerTime: 'Milliseconds',
  HopDuration: 'Milliseconds',
  SlotWait: 'Milliseconds',
  Throttled: 'Count',
  HopsWoken: 'Count',
  AnnouncementsDone: 'Count',
  AnnouncementsFailed: 'Count',
  AlertsFailed: 'Count',
  DoctorFailed: 'Count',
  ReceiptsCounted: 'Count',
  ReceiptsUnknown: 'Count',
  MessagesAtOnce: 'Count',
  MessageAnswerTime: 'Milliseconds',
} as const;
export type MetricName = keyof typeof METRICS;

/** The metric that counts the pushes of each verdict. */
export const PUSH_METRICS = {
  delivered: 'PushesDelivered',
  unregistered: 'PushesUnregistered',
  rejected: 'PushesRejected',
  retryable: 'PushesRetryable',
  misconfigured: 'PushesMisconfigured',
  unknown: 'PushesUnknown',
  unsent: 'PushesUnsent',
} as const satisfies Record<Verdict, MetricName>;
export type PushMetricName = (typeof PUSH_METRICS)[Verdict];

/** The namespace of all metrics in CloudWatch. */
export const METRICS_NAMESPACE = 'Baton';

/** The dimensions that every metric has. */
export interface MetricDimensions {
  /** Name of the Lambda function: two functions of one account have separate metrics. */
  readonly service: string;
  readonly stage: string;
}

/** Numbers for dashboards and alarms. */
export interface Metrics {
  /** Records one value for each metric named. */
  record(values: Readonly<Partial<Record<Exclude<MetricName, PushMetricName>, number>>>): void;
  /** Counts pushes by verdict. Counts of 0 are recorded too: a sum of metrics needs a value of each. */
  recordPushes(counts: Counts): void;
}

/** Metrics that go nowhere: for tests and the command line. */
export const noMetrics: Metrics = { record: () => {}, recordPushes: () => {} };

/**
 * Makes metrics in CloudWatch's embedded metric format: JSON lines in the function's log, from which CloudWatch extracts
 * them. Each call writes one line at once: a killed invocation loses no values, and each value has its own time.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function makeMetrics(
  clock: { now(): number },
  { service, stage }: MetricDimensions,
  write: (line: string) => void,
): Metrics {
  const metrics = new PowertoolsMetrics({
    namespace: METRICS_NAMESPACE,
    serviceName: service,
    defaultDimensions: { stage },
  });
  const record = (entries: readonly (readonly [MetricName, number])[]): void => {
    if (entries.length === 0) return;
    for (const [name, value] of entries) metrics.addMetric(name, METRICS[name], value);
    // Not `publishStoredMetrics`, which can only write to the console.
    write(JSON.stringify(metrics.setTimestamp(clock.now()).serializeMetrics()));
    metrics.clearMetrics();
  };
  return {
    record: (values) => record(Object.entries(values) as [MetricName, number][]),
    recordPushes: (counts) => record(VERDICTS.map((verdict) => [PUSH_METRICS[verdict], counts[verdict]])),
  };
}
