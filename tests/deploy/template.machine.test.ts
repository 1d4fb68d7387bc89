import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CelEngine, TemplateFile, TemplateModel } from '@aws/cloudformation-validate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { findVariable } from '../../src/config/variables.ts';
import { type MetricName, METRICS, METRICS_NAMESPACE, PUSH_METRICS } from '../../src/metrics.ts';
import { VERDICTS } from '../../src/model/delivery.ts';

const TEMPLATE = fileURLToPath(new URL('../../deploy/template.yaml', import.meta.url));
const text = readFileSync(TEMPLATE, 'utf8');

/** Parameters that switch every optional part on. */
const PARAMETERS = {
  // With one value, the validator does not try every combination of the allowed values, which exceeds its limits.
  Stage: 'prod',
  Approval: 'required',
  SubnetIds: 'subnet-0123456789abcdef0,subnet-0123456789abcdef1',
  SecurityGroupIds: 'sg-0123456789abcdef0',
  ApiTokenSecretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:baton/api-token-AbCdEf',
  AlertWebhookUrlSecretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:baton/alert-url-AbCdEf',
  AlertWebhookKeySecretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:baton/alert-key-AbCdEf',
  AlertTopic: 'alarms',
  HttpApi: 'yes',
  Queue: 'yes',
  AlarmEmail: 'somebody@example.com',
};

/** Rules that do not apply here: the ARN of a secret is not a secret, and a number may be written as text. */
const EXCLUDED = ['W2509', 'W9003'];

let folder: string;

beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'baton-template-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** Returns what AWS's own validator finds, with the resource schemas of CloudFormation. */
function validate(template: string): string[] {
  const file = join(folder, 'template.yaml');
  writeFileSync(file, template);
  const engine = new CelEngine();
  try {
    const config = {
      severityLevel: 'WARN',
      parameterOverrides: PARAMETERS,
      exclude: { ids: EXCLUDED },
    } as const;
    const { diagnostics } = engine.validateStandard(new TemplateFile(file), config);
    return diagnostics.map(({ ruleId, entity, message }) => `${ruleId} ${entity?.logicalId}: ${message}`);
  } finally {
    engine.free();
  }
}

it('is valid by CloudFormation’s schema of every resource', () => {
  expect(validate(text)).toEqual([]);
});

it.each([
  ['RecursiveLoop: Allow', 'RecursivLoop: Allow'],
  ['!Ref ApiGatewayGrants', '!Ref ApiGatewayGrant'],
  ['RecursiveLoop: Allow', 'RecursiveLoop: Allowed'],
  ['MaximumRetryAttempts: 2', 'MaximumRetries: 2'],
  ['FunctionResponseTypes:', 'FunctionResponseType:'],
  ['!GetAtt FailureQueue.Arn', '!GetAtt FailureQueue.ARN'],
  ['!Ref AlarmTopic]', '!Ref AlarmsTopic]'],
  ['ExtendedStatistic: p95', 'ExtendedStatistics: p95'],
  ['MetricStat:', 'MetricStats:'],
  ['Dimensions: [{ Name: service', 'Dimensions: [{ Names: service'],
])('the validator finds a typing error, %j written as %j', (right, wrong) => {
  expect(text).toContain(right);
  expect(validate(text.replace(right, wrong))).not.toEqual([]);
});

it('accepts no reserved concurrency of 1, with which the next hop would wait for this one; 0 is the kill switch', () => {
  const model = new TemplateModel(new TemplateFile(TEMPLATE));
  const pattern = new RegExp(model.parameters()['ReservedConcurrency']?.allowedPattern ?? '');
  model.free();
  expect(['none', '0', '1', '2', '20', '01', '-1', ''].filter((value) => pattern.test(value))).toEqual([
    'none',
    '0',
    '2',
    '20',
  ]);
});

/** The parameters that the function gets as variables, by the name of the variable. */
function parametersOfVariables(): Map<string, string> {
  const list = /^ {8}Variables:\n((?: {10}\w+: .*\n)+)/m.exec(text)?.[1] ?? '';
  return new Map(
    Array.from(list.matchAll(/^ {10}(\w+): !Ref (\w+)$/gm), ([, name = '', parameter = '']) => [
      name,
      parameter,
    ]),
  );
}

describe('the variables of the function', () => {
  /** Where the template knows better than the code: RDS needs TLS. */
  const OTHER_DEFAULTS = ['DATABASE_TLS'];

  it('are variables that Baton reads, with the defaults of the code', () => {
    const model = new TemplateModel(new TemplateFile(TEMPLATE));
    const parameters = model.parameters();
    model.free();
    const names = parametersOfVariables();
    for (const needed of [
      'RETENTION_DAYS',
      'APPROVAL',
      'TIME_ZONE',
      'QUIET_HOURS',
      'AUDIENCE_VIEWS',
      'QUEUE_REFUSED',
      'API_AUTH',
      'API_GATEWAY_GRANTS',
      'RECORDS_MAY_START',
    ]) {
      expect(names.has(needed), needed).toBe(true);
    }
    for (const [name, parameter] of names) {
      const variable = findVariable(name)?.variable;
      expect(variable, name).toBeDefined();
      const fallback = parameters[parameter]?.default;
      if ((fallback ?? null) === null || OTHER_DEFAULTS.includes(name)) continue;
      expect([name, String(fallback)]).toEqual([name, variable?.fallback]);
    }
  });

  const ARN = 'arn:aws:sts::123456789012:assumed-role/back-end/*';

  it.each<[string, readonly string[], readonly string[]]>([
    ['API_AUTH', ['token', 'gateway'], ['iam', 'Gateway']],
    ['QUEUE_REFUSED', ['return', 'drop'], ['keep']],
    ['TIME_ZONE', ['UTC', 'America/Argentina/Buenos_Aires'], ['Mars Base']],
    [
      'QUIET_HOURS',
      ['', '22:00-08:00 Europe/Berlin hold'],
      ['22-8', '22:00-08:00 Europe/Berlin', '29:00-08:00 UTC hold'],
    ],
    ['AUDIENCE_VIEWS', ['', 'push_audience_*, vip'], ['a;b', 'a,,b']],
    ['ALERT_WEBHOOK_FORMAT', ['standard', 'slack'], ['json']],
    [
      'ALERT_ON',
      ['', 'started', 'done,failed', 'stalled, throttled failure-rate'],
      ['all', 'donefailed', 'failure', 'done;failed'],
    ],
    [
      'RECORDS_MAY_START',
      ['', 'announcements', 'announcements,scan', 'scan, doctor', 'scan doctor'],
      ['yes', 'announcement', 'announcementsscan', 'scan;doctor'],
    ],
    [
      'API_GATEWAY_GRANTS',
      [
        '',
        'scope:push/send=send',
        `group:staff=read+send, ${ARN}=admin`,
        'scope:https://a.example/b=c=devices',
      ],
      ['staff=read', 'group:staff', 'group:staff=all', 'group:=read', 'group:a=read+'],
    ],
  ])('%s takes in the template what the function takes, and nothing else', (name, right, wrong) => {
    const model = new TemplateModel(new TemplateFile(TEMPLATE));
    const { allowedPattern, allowedValues } =
      model.parameters()[parametersOfVariables().get(name) ?? ''] ?? {};
    model.free();
    const isTaken = (value: string) =>
      allowedValues?.map(String).includes(value) ?? new RegExp(allowedPattern ?? '^$').test(value);
    const isParsed = (value: string): boolean => {
      try {
        parseConfig({ [name]: value });
        return true;
      } catch {
        return false;
      }
    };
    for (const [values, isRight] of [
      [right, true],
      [wrong, false],
    ] as const) {
      for (const value of values) {
        expect([value, isTaken(value), isParsed(value)]).toEqual([value, isRight, isRight]);
      }
    }
  });
});

it('has every parameter that the example and build.sh set', () => {
  const model = new TemplateModel(new TemplateFile(TEMPLATE));
  const known = Object.keys(model.parameters());
  model.free();
  const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
  const names = [
    ...read('deploy/parameters.example').matchAll(/^(\w+)=/gm),
    ...(/--parameter-overrides([^|]*)/.exec(read('build.sh'))?.[1] ?? '').matchAll(/"(\w+)=/g),
  ].map(([, name = '']) => name);
  expect(names).toEqual(expect.arrayContaining(['DatabaseUrlSecretArn', 'ImageUri', 'Architecture']));
  expect(names.filter((name) => !known.includes(name))).toEqual([]);
});

interface Widget {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly properties: {
    readonly stat?: string;
    readonly metrics?: readonly (readonly (string | { readonly stat?: string })[])[];
  };
}

/** The widgets of the dashboard, with the name of a parameter in the place of its value. */
function readDashboard(): readonly Widget[] {
  const body = /DashboardBody: !Sub \|\n(.*?)\n\n/s.exec(text)?.[1] ?? '';
  const parsed = JSON.parse(body.replaceAll(/\$\{([\w:]+)\}/g, '$1')) as {
    readonly widgets: readonly Widget[];
  };
  return parsed.widgets;
}

it('has a dashboard that is JSON, whose widgets do not overlap', () => {
  const widgets = readDashboard();
  expect(widgets).toHaveLength(9);
  const cells = widgets.flatMap(({ x, y, width, height }) =>
    Array.from({ length: width * height }, (_, nth) => `${x + (nth % width)},${y + Math.floor(nth / width)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
});

interface Metric {
  readonly name: string;
  readonly dimensions: readonly string[];
}

/** Baton's own metrics that the alarms read. */
function metricsOfAlarms(): Metric[] {
  const uses = [
    ...text.matchAll(
      /Namespace: Baton\n\s+MetricName: (\w+)(?:\n\s+Dimensions: \[\{ Name: (\w+), Value: !Ref FunctionName \}, \{ Name: (\w+), Value: !Ref Stage \}\])?/g,
    ),
  ];
  return uses.map(([, name = '', ...dimensions]) => ({ name, dimensions }));
}

/** Baton's own metrics that the dashboard shows, with `.` and `...` written out, and the statistics of each. */
function metricsOfDashboard(): (Metric & { readonly stat: string })[] {
  return readDashboard()
    .flatMap(({ properties: { metrics = [], stat = '' } }) => {
      let earlier: string[] = [];
      return metrics.map((metric) => {
        const words = metric.filter((each) => typeof each === 'string');
        const [own] = metric.flatMap((each) => (typeof each === 'string' ? [] : each.stat));
        earlier =
          words[0] === '...'
            ? earlier
            : words.map((word, nth) => (word === '.' ? (earlier[nth] ?? '') : word));
        const [namespace = '', name = '', ...dimensions] = earlier;
        return { namespace, name, dimensions, stat: own ?? stat };
      });
    })
    .flatMap(({ namespace, ...metric }) => (namespace === METRICS_NAMESPACE ? metric : []));
}

describe('the metrics of Baton', () => {
  it('are, in the alarms and on the dashboard, those that Baton writes and no others', () => {
    const names = [...metricsOfAlarms(), ...metricsOfDashboard()].map(({ name }) => name);
    expect(new Set(names)).toEqual(new Set(Object.keys(METRICS)));
    expect(text.match(/Namespace: Baton/g)).toHaveLength(metricsOfAlarms().length);
  });

  it('have the dimensions that Baton writes', () => {
    for (const { name, dimensions } of metricsOfAlarms())
      expect({ name, dimensions }).toEqual({ name, dimensions: ['service', 'stage'] });
    for (const { name, dimensions } of metricsOfDashboard())
      expect({ name, dimensions }).toEqual({
        name,
        dimensions: ['service', 'FunctionName', 'stage', 'Stage'],
      });
  });

  it('have the unit that their statistic needs: counts are summed, times have percentiles', () => {
    for (const { name, stat } of metricsOfDashboard()) {
      const statistics = METRICS[name as MetricName] === 'Count' ? ['Sum'] : ['p50', 'p95', 'p99'];
      expect(statistics, name).toContain(stat);
    }
    for (const name of ['FcmAnswerTime', 'HopDuration', 'MessageAnswerTime'])
      expect(metricsOfDashboard().flatMap((each) => (each.name === name ? each.stat : []))).toEqual([
        'p50',
        'p95',
        'p99',
      ]);
  });

  it('have, in the failure rate, every verdict once', () => {
    const alarm = / {2}FailureRateAlarm:.*?\n {2}\w+Alarm:/s.exec(text)?.[0] ?? '';
    const formulas = [...alarm.matchAll(/Id: (?:failed|accepted)\n\s+Expression: (.+)/g)];
    const terms = formulas.flatMap(([, formula = '']) => formula.split(' + '));
    expect(terms.toSorted()).toEqual(VERDICTS.toSorted());
    for (const verdict of VERDICTS)
      expect(alarm).toMatch(new RegExp(`Id: ${verdict}\\n[^-]*MetricName: ${PUSH_METRICS[verdict]}\\n`));
  });
});
