import { sameJob } from '../../src/job.ts';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CelEngine, TemplateFile, TemplateModel } from '@aws/cloudformation-validate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runHop } from '../../src/broadcast/hop.ts';
import { systemClock } from '../../src/clock.ts';
import { openStore } from '../../src/db/open.ts';
import { makeLog } from '../../src/log.ts';
import { scan } from '../../src/broadcast/scan.ts';
import { draft, madeUpDevices, makeContext, outcome } from '../support/context.ts';
import { makeDatabase } from '../support/database.ts';

const TEMPLATE = fileURLToPath(new URL('../../deploy/template.yaml', import.meta.url));
const text = readFileSync(TEMPLATE, 'utf8');

/** With all that is optional. */
const PARAMETERS = {
  SubnetIds: 'subnet-0123456789abcdef0,subnet-0123456789abcdef1',
  SecurityGroupIds: 'sg-0123456789abcdef0',
  ApiTokenSecretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:baton/api-token-AbCdEf',
  HttpApi: 'yes',
  Queue: 'yes',
  AlarmEmail: 'somebody@example.com',
};

/** Not faults here: the ARN of a secret is no secret, and a number may be written as text. */
const EXCLUDED = ['W2509', 'W9003'];

let folder: string;

beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'baton-template-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** What AWS's own validator finds, with the resource schemas of CloudFormation. */
function findings(template: string): string[] {
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

it('is valid to the letter of every schema', () => {
  expect(findings(text)).toEqual([]);
});

it.each([
  ['RecursiveLoop: Allow', 'RecursivLoop: Allow'],
  ['RecursiveLoop: Allow', 'RecursiveLoop: Allowed'],
  ['MaximumRetryAttempts: 2', 'MaximumRetries: 2'],
  ['FunctionResponseTypes:', 'FunctionResponseType:'],
  ['!GetAtt FailureQueue.Arn', '!GetAtt FailureQueue.ARN'],
  ['!Ref AlarmTopic]', '!Ref AlarmsTopic]'],
  ['MetricTransformations:', 'MetricTransformation:'],
])('a slip of the pen, %j written %j, is found', (right, wrong) => {
  expect(text).toContain(right);
  expect(findings(text.replace(right, wrong))).not.toEqual([]);
});

it('reserves no concurrency of 1, with which the next hop would wait for this one; 0 is the kill switch', () => {
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

it('has every parameter that the example and build.sh give it', () => {
  const model = new TemplateModel(new TemplateFile(TEMPLATE));
  const known = Object.keys(model.parameters());
  model.free();
  const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
  const given = [
    ...read('deploy/parameters.example').matchAll(/^(\w+)=/gm),
    ...(/--parameter-overrides([^|]*)/.exec(read('build.sh'))?.[1] ?? '').matchAll(/"(\w+)=/g),
  ].map(([, name = '']) => name);
  expect(given).toEqual(expect.arrayContaining(['DatabaseUrlSecretArn', 'ImageUri', 'Architecture']));
  expect(given.filter((name) => !known.includes(name))).toEqual([]);
});

it('has a dashboard that is JSON', () => {
  const body = /DashboardBody: !Sub \|\n(.*?)\n\n/s.exec(text)?.[1] ?? '';
  const { widgets } = JSON.parse(body.replaceAll(/\$\{[\w:]+\}/g, 'x')) as { widgets: unknown[] };
  expect(widgets).toHaveLength(5);
});

describe('the metrics that are made of the log', () => {
  it('find the lines that Baton writes, and a number in each', async () => {
    const lines = await writeEveryLine();
    const filters = [
      ...text.matchAll(/FilterPattern: '\{ \$\.event = "([^"]+)" \}'.*?MetricValue: (?:\$\.(\w+)|'1')/gs),
    ];
    expect(filters).toHaveLength(8);
    for (const [, event, field] of filters) {
      const line = lines.find((each) => each['event'] === event);
      expect(line, `a line of the event ${event}`).toBeDefined();
      if (field !== undefined) expect(line?.[field], `${field} of ${event}`).toEqual(expect.any(Number));
    }
  });

  it('count every push once, by its verdict', async () => {
    const chunks = (await writeEveryLine()).filter(({ event }) => event === 'chunk recorded');
    const sums = ['delivered', 'unregistered', 'rejected', 'retryable', 'misconfigured', 'unknown'].map(
      (verdict) => chunks.reduce((sum, chunk) => sum + Number(chunk[verdict]), 0),
    );
    expect(sums).toEqual([3, 1, 0, 0, 4, 0]);
  });
});

/** What a tick and a broadcast log, when the first chunk goes well and the second is refused. */
async function writeEveryLine(): Promise<Record<string, unknown>[]> {
  const lines: string[] = [];
  const database = await makeDatabase('sqlite');
  const store = await openStore(database.config, systemClock);
  try {
    await store.addDevices(madeUpDevices(9));
    const announcementId = await store.createAnnouncement(draft);
    const answer = ({ deviceId }: { deviceId: number }) => {
      if (deviceId > 4) return outcome('misconfigured', 'HTTP_403');
      if (deviceId === 4) return outcome('unregistered', 'UNREGISTERED');
      return outcome('delivered', '');
    };
    const ctx = {
      ...makeContext(store, { answer }),
      log: makeLog(systemClock, {}, (line) => lines.push(line)),
    };
    await store.scheduleAnnouncement(announcementId, 0);
    await scan(ctx);
    await runHop(ctx, sameJob({ announcementId, round: 0, fromId: 0 }));
  } finally {
    await store.close();
    await database.drop();
  }
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}
