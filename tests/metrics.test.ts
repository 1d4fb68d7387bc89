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

it('counts pushes by verdict in one line, those that are 0 too: a sum of metrics needs a value of each', () => {
  const { metrics, parse } = makeLines();
  metrics.recordPushes({ ...NONE, delivered: 499, unregistered: 1 });
  expect(parse()).toMatchObject([
    {
      stage: 'dev',
      PushesDelivered: 499,
      PushesUnregistered: 1,
      PushesRejected: 0,
      PushesRetryable: 0,
      PushesMisconfigured: 0,
      PushesUnknown: 0,
      PushesUnsent: 0,
    },
  ]);
});

it('keeps nothing from one call to the next', () => {
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
  expect(parse()).toEqual([]);
});

it('has times in milliseconds, and all other metrics as counts', () => {
  for (const [name, unit] of Object.entries(METRICS))
    expect({ name, unit }).toEqual({
      name,
      unit: /Time|Duration|Wait/.test(name) ? 'Milliseconds' : 'Count',
    });
});
