import { expect, it } from 'vitest';
import { makeMetrics, METRICS } from '../src/metrics.ts';
import { countVerdicts } from '../src/model/delivery.ts';

const NOW = Date.now();
const NONE = countVerdicts([]);

interface EmfLine {
  readonly _aws: {
    readonly Timestamp: number;
    readonly CloudWatchMetrics: readonly {
      readonly Namespace: string;
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string; readonly Unit: string }[];
    }[];
  };
  readonly [key: string]: unknown;
}

function makeLines() {
  const lines: string[] = [];
  const metrics = makeMetrics({ now: () => NOW }, { service: 'baton-dev', stage: 'dev' }, (line) =>
    lines.push(line),
  );
  return { metrics, parse: () => lines.map((line) => JSON.parse(line) as EmfLine) };
}

it('writes all values of one call as one line in CloudWatch’s embedded metric format', () => {
  const { metrics, parse } = makeLines();
  metrics.record({ FcmAnswerTime: 812.5, Throttled: 3 });
  expect(parse()).toEqual([
    {
      _aws: {
        Timestamp: NOW,
        CloudWatchMetrics: [
          {
            Namespace: 'Baton',
            Dimensions: [['service', 'stage']],
            Metrics: [
              { Name: 'FcmAnswerTime', Unit: 'Milliseconds' },
              { Name: 'Throttled', Unit: 'Count' },
            ],
          },
        ],
      },
      service: 'baton-dev',
      stage: 'dev',
      FcmAnswerTime: 812.5,
      Throttled: 3,
    },
  ]);
});

it('counts pushes in one series for each verdict that occurs', () => {
  const { metrics, parse } = makeLines();
  metrics.recordPushes({ ...NONE, delivered: 499, unregistered: 1 });
  expect(
    parse().map(({ _aws: aws, verdict, Pushes: pushes }) => {
      const [{ Dimensions: dimensions, Metrics: names } = { Dimensions: [], Metrics: [] }] =
        aws.CloudWatchMetrics;
      return { dimensions, names, verdict, pushes };
    }),
  ).toEqual(
    [
      { verdict: 'delivered', pushes: 499 },
      { verdict: 'unregistered', pushes: 1 },
    ].map((line) => ({
      ...line,
      dimensions: [['service', 'stage', 'verdict']],
      names: [{ Name: 'Pushes', Unit: 'Count' }],
    })),
  );
});

it('keeps nothing from one call to the next, neither a value nor a verdict', () => {
  const { metrics, parse } = makeLines();
  metrics.record({ SlotWait: 1 });
  metrics.recordPushes({ ...NONE, rejected: 2 });
  metrics.record({ SlotWait: 3 });
  const [first, , last] = parse();
  expect(last).toEqual({ ...first, SlotWait: 3 });
});

it('writes no line for no value', () => {
  const { metrics, parse } = makeLines();
  metrics.record({});
  metrics.recordPushes(NONE);
  expect(parse()).toEqual([]);
});

it('counts without a unit of time, and times in milliseconds', () => {
  for (const [name, unit] of Object.entries(METRICS))
    expect({ name, unit }).toEqual({
      name,
      unit: /Time|Duration|Wait/.test(name) ? 'Milliseconds' : 'Count',
    });
});
