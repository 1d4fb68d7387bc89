import { Metrics as PowertoolsMetrics } from '@aws-lambda-powertools/metrics';
import type { Clock } from './context.ts';
import { type Counts, VERDICTS } from './model/delivery.ts';

/**
 * Every metric of Baton with its unit, by the name that CloudWatch shows. The dashboard and the alarms of the deployment name
 * no other.
 * - `Pushes`: pushes recorded, one series for each verdict.
 * - `FcmAnswerTime`: from the sending of a broadcast's chunk to FCM's last answer.
 * - `HopDuration`: from the claim of a hop to its end, the wait for its slot included.
 * - `SlotWait`: the wait of a hop for its first slot in the budget.
 * - `Throttled`: pushes that FCM did not take because the quota is used up.
 * - `HopsWoken`: hops that had stopped and that the scan invoked again.
 * - `AnnouncementsDone`, `AnnouncementsFailed`: announcements that got this status.
 * - `MessagesAtOnce`: messages sent at once, that is not in a mailing.
 * - `MessageAnswerTime`: from the sending of messages at once to FCM's last answer.
 */
export const METRICS = {
  Pushes: 'Count',
  FcmAnswerTime: 'Milliseconds',
  HopDuration: 'Milliseconds',
  SlotWait: 'Milliseconds',
  Throttled: 'Count',
  HopsWoken: 'Count',
  AnnouncementsDone: 'Count',
  AnnouncementsFailed: 'Count',
  MessagesAtOnce: 'Count',
  MessageAnswerTime: 'Milliseconds',
} as const;
export type MetricName = keyof typeof METRICS;

/** The namespace of all metrics in CloudWatch. */
export const METRICS_NAMESPACE = 'Baton';

/** The dimensions that every metric has; `Pushes` has the verdict as a third. */
export interface MetricDimensions {
  /** Name of the Lambda function: two functions of one account keep their metrics apart. */
  readonly service: string;
  readonly stage: string;
}

/** Numbers for dashboards and alarms. */
export interface Metrics {
  /** Records one value for each metric named. */
  record(values: Readonly<Partial<Record<Exclude<MetricName, 'Pushes'>, number>>>): void;
  /** Counts pushes by verdict; verdicts that are 0 are left out. */
  recordPushes(counts: Counts): void;
}

/** Metrics that go nowhere: for tests and the command line. */
export const noMetrics: Metrics = { record: () => {}, recordPushes: () => {} };

/**
 * Metrics in CloudWatch's embedded metric format: JSON lines in the function's log, from which CloudWatch makes metrics.
 * Each call writes its lines at once, so that a killed invocation loses none and the minute is right.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function makeMetrics(
  clock: Pick<Clock, 'now'>,
  { service, stage }: MetricDimensions,
  write: (line: string) => void,
): Metrics {
  const metrics = new PowertoolsMetrics({
    namespace: METRICS_NAMESPACE,
    serviceName: service,
    defaultDimensions: { stage },
  });
  /** Writes what was added as one line. The library's own `publishStoredMetrics` can write to the console alone. */
  const flush = (): void => {
    write(JSON.stringify(metrics.setTimestamp(clock.now()).serializeMetrics()));
    metrics.clearMetrics();
    metrics.clearDimensions();
  };
  return {
    record(values) {
      const entries = Object.entries(values) as [MetricName, number][];
      if (entries.length === 0) return;
      for (const [name, value] of entries) metrics.addMetric(name, METRICS[name], value);
      flush();
    },
    recordPushes(counts) {
      for (const verdict of VERDICTS) {
        if (counts[verdict] === 0) continue;
        metrics.addDimension('verdict', verdict);
        metrics.addMetric('Pushes', METRICS.Pushes, counts[verdict]);
        flush();
      }
    },
  };
}
