import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CelEngine, TemplateFile, TemplateModel } from '@aws/cloudformation-validate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { findVariable } from '../../src/config/variables.ts';
import { parseEvent } from '../../src/events/parse.ts';
import { type MetricName, METRICS, METRICS_NAMESPACE, PUSH_METRICS } from '../../src/metrics.ts';
import { VERDICTS } from '../../src/model/delivery.ts';
import { CHECKS } from '../../src/model/notice.ts';

const TEMPLATE = fileURLToPath(new URL('../../deploy/template.yaml', import.meta.url));
const text = readFileSync(TEMPLATE, 'utf8');

const SECRET = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:baton';

type Parameters = Readonly<Record<string, string>>;

/** The optional parts of the template, each as the parameters that switch it on and those that switch it off. */
const PARTS: readonly (readonly [Parameters, Parameters])[] = [
  [
    {
      SubnetIds: 'subnet-0123456789abcdef0,subnet-0123456789abcdef1',
      SecurityGroupIds: 'sg-0123456789abcdef0',
    },
    { SubnetIds: '', SecurityGroupIds: '' },
  ],
  [{ Ipv6: 'yes' }, { Ipv6: 'no' }],
  [{ HttpApi: 'yes', ApiTokenSecretArn: `${SECRET}/api-token-AbCdEf` }, { HttpApi: 'no' }],
  [{ Receipts: 'on' }, { Receipts: 'off' }],
  [{ Queue: 'yes' }, { Queue: 'no' }],
  [{ SecretsKeyArn: 'arn:aws:kms:eu-central-1:123456789012:key/1' }, { SecretsKeyArn: '' }],
  [{ ReservedConcurrency: '20' }, { ReservedConcurrency: 'none' }],
  [{ ScheduleState: 'ENABLED' }, { ScheduleState: 'DISABLED' }],
  [{ ChecksAt: 'cron(30 6 * * ? *)' }, { ChecksAt: 'none' }],
  [{ AlertWebhookUrlSecretArn: `${SECRET}/alert-url-AbCdEf` }, { AlertWebhookUrlSecretArn: '' }],
  [{ AlertWebhookKeySecretArn: `${SECRET}/alert-key-AbCdEf` }, { AlertWebhookKeySecretArn: '' }],
  [{ AlertTopic: 'alarms' }, { AlertTopic: '' }],
  [{ AlarmEmail: 'somebody@example.com' }, { AlarmEmail: '' }],
  [{ Architecture: 'arm64' }, { Architecture: 'x86_64' }],
];

/** The default of every parameter that has allowed values: with one value, the validator does not try all of them. */
const DEFAULTS = Object.fromEntries(
  Object.entries(readParameters()).flatMap(([name, parameter]) =>
    parameter.allowedValues ? [[name, String(parameter.default)] as const] : [],
  ),
);

const ALL_ON = Object.assign({}, DEFAULTS, ...PARTS.map(([on]) => on)) as Parameters;

/**
 * Sets of parameters with which any two parts are once both on, once both off, and once each on without the other: each part
 * is on in four of six sets, and no two in the same four.
 */
const FOURS = Array.from({ length: 64 }, (_, bits) => bits).filter(
  (bits) => bits.toString(2).replaceAll('0', '').length === 4,
);
const SETS: readonly (readonly [string, Parameters])[] = [
  ['every part on', ALL_ON],
  ['every part off', chooseParts(() => false)],
  ...Array.from({ length: 6 }, (_, set): [string, Parameters] => [
    `set ${set} of the parts on`,
    chooseParts((nth) => ((FOURS[nth] ?? 0) >> set) % 2 === 1),
  ]),
];

function chooseParts(isOn: (nth: number) => boolean): Parameters {
  const chosen = PARTS.map(([on, off], nth) => (isOn(nth) ? on : off));
  return Object.assign({}, DEFAULTS, ...chosen) as Parameters;
}

function readParameters() {
  const model = new TemplateModel(new TemplateFile(TEMPLATE));
  try {
    return model.parameters();
  } finally {
    model.free();
  }
}

/** Rules that do not apply here: the ARN of a secret is not a secret, and a number may be written as text. */
const EXCLUDED = ['W2509', 'W9003'];

/** What the validator finds in the branch of an Fn::If that is not taken: it reads both. By the value that leads elsewhere. */
const NOT_TAKEN: readonly (readonly [string, string, RegExp])[] = [
  ['SubnetIds', '', /^(F3031|E1150) Function: '' does not match /],
  ['ReservedConcurrency', 'none', /^F3012 Function: 'none' \(from Fn::If on condition 'HasReserve'\)/],
];

let folder: string;
/** One for all tests: it takes a third of a second to make. */
let engine: InstanceType<typeof CelEngine>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-template-'));
  engine = new CelEngine();
});
afterAll(() => {
  engine.free();
  rmSync(folder, { recursive: true });
});

/** Returns what AWS's own validator finds, with the resource schemas of CloudFormation. */
function validate(template: string, parameterOverrides: Parameters = ALL_ON): string[] {
  const file = join(folder, 'template.yaml');
  writeFileSync(file, template);
  const { diagnostics } = engine.validateStandard(new TemplateFile(file), {
    severityLevel: 'WARN',
    parameterOverrides,
    exclude: { ids: EXCLUDED },
  });
  return diagnostics
    .map(({ ruleId, entity, message }) => `${ruleId} ${entity?.logicalId}: ${message}`)
    .filter(
      (finding) =>
        !NOT_TAKEN.some(([name, value, found]) => parameterOverrides[name] === value && found.test(finding)),
    );
}

it('has fewer optional parts than there are fours of six sets', () => {
  expect(PARTS.length).toBeLessThanOrEqual(FOURS.length);
});

it.each(SETS)('is valid by CloudFormation’s schema of every resource, with %s', (_, parameters) => {
  expect(validate(text, parameters)).toEqual([]);
});

it.each([
  ['RecursiveLoop: Allow', 'RecursivLoop: Allow'],
  ['!Ref ApiGatewayGrants', '!Ref ApiGatewayGrant'],
  ['RecursiveLoop: Allow', 'RecursiveLoop: Allowed'],
  ['Ipv6AllowedForDualStack:', 'Ipv6Allowed:'],
  ['DeletionPolicy: RetainExceptOnCreate', 'DeletionPolicy: RetainExceptCreate'],
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
  const pattern = new RegExp(readParameters()['ReservedConcurrency']?.allowedPattern ?? '');
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
    const parameters = readParameters();
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
    ['RECEIPTS', ['off', 'on'], ['yes']],
    [
      'FCM_ANDROID_APPS',
      ['', '1:23:android:4a', '1:23:android:4a,1:23:android:5b'],
      ['1:23:ios:4a', '1:23:android:4a;1:23:android:5b', '1:23:android:4A'],
    ],
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
      ['', 'started', 'done,failed', 'stalled, throttled failure-rate', 'doctor,radar canary'],
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
    const { allowedPattern, allowedValues } = readParameters()[parametersOfVariables().get(name) ?? ''] ?? {};
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
  const known = Object.keys(readParameters());
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

/** The text of one resource of the template. */
function resourceOf(name: string): string {
  return new RegExp(`^ {2}${name}:\\n(?: {3,}.*\\n|\\n)+`, 'm').exec(text)?.[0] ?? '';
}

describe('what the template adds to the function', () => {
  it('is a schedule for each check, whose role may only invoke the function', () => {
    for (const check of CHECKS) {
      const name = `${check.charAt(0).toUpperCase()}${check.slice(1)}Schedule`;
      expect(resourceOf(name)).toContain(`Input: '{"kind":"${check}"}'`);
      expect(parseEvent({ kind: check })).toMatchObject({ entry: 'direct', job: { kind: check } });
    }
    const role = resourceOf('ChecksRole');
    expect(role.match(/^ +(Action|Resource): .*/gm)?.map((line) => line.trim())).toEqual([
      'Action: sts:AssumeRole',
      'Action: lambda:InvokeFunction',
      'Resource: !GetAtt Function.Arn',
    ]);
  });

  it('is kept when the stack is deleted, if nothing else has its contents', () => {
    const kinds = /^ {2}(\w+):\n {4}Type: AWS::(?:SQS::Queue|Logs::LogGroup)$/gm;
    const names = Array.from(text.matchAll(kinds), ([, name = '']) => name);
    expect(names.toSorted()).toEqual(['DeadLetterQueue', 'EventQueue', 'FailureQueue', 'LogGroup']);
    for (const name of names) {
      expect(resourceOf(name)).toContain(
        '    DeletionPolicy: RetainExceptOnCreate\n    UpdateReplacePolicy: Retain\n',
      );
      expect(resourceOf(name)).toMatch(/(RetentionInDays|MessageRetentionPeriod): /);
    }
    const secondsOf = (name: string) =>
      Number(/MessageRetentionPeriod: (\d+)/.exec(resourceOf(name))?.[1] ?? 0);
    expect(secondsOf('DeadLetterQueue')).toBe(14 * 86_400);
    expect(secondsOf('DeadLetterQueue')).toBeGreaterThan(secondsOf('EventQueue'));
  });
});
