import { execFile, execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const TOOL = join(PROJECT, 'tests/fixtures/recorded-tool.sh');
const URI = '123456789012.dkr.ecr.eu-central-1.amazonaws.com/baton';
const HEALTHY = { kind: 'doctor', ok: true, checks: [{ name: 'database', ok: true, says: 'MySQL 8.4' }] };

/** Programs that the script may find on PATH, besides those that a test puts there. */
const SYSTEM = [
  'bash',
  'sh',
  'git',
  'node',
  'dirname',
  'basename',
  'mktemp',
  'grep',
  'tail',
  'cat',
  'rm',
  'cp',
];
/** Programs that only the stand-ins need. */
const STAND_INS = ['touch'];

let folder: string;
let checkout: string;
let record: string;
let tag: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-build-'));
  checkout = join(folder, 'checkout');
  record = join(folder, 'record');
  for (const path of [checkout, record, join(folder, 'system'), join(folder, 'tools')]) mkdirSync(path);
  for (const command of [...SYSTEM, ...STAND_INS]) {
    symlinkSync(execFileSync('which', [command]).toString().trim(), join(folder, 'system', command));
  }
  for (const tool of ['docker', 'aws', 'sleep']) addTool(tool);
  writeFileSync(join(record, 'doctor'), JSON.stringify(HEALTHY));
  copyFileSync(join(PROJECT, 'build.sh'), join(checkout, 'build.sh'));
  git('init', '--quiet');
  tag = commit('first');
});
afterEach(() => rmSync(folder, { recursive: true }));

function addTool(name: string): void {
  copyFileSync(TOOL, join(folder, 'tools', name));
  chmodSync(join(folder, 'tools', name), 0o755);
}

function git(...args: string[]): string {
  const identity = ['-c', 'user.name=developer', '-c', 'user.email=developer@example.com'];
  return execFileSync('git', [...identity, ...args], { cwd: checkout })
    .toString()
    .trim();
}

function commit(message: string): string {
  git('add', '--all');
  git('commit', '--quiet', '--allow-empty', '--message', message);
  return git('rev-parse', '--short=12', 'HEAD');
}

interface Result {
  readonly status: number;
  readonly out: string;
  readonly err: string;
  readonly calls: readonly string[];
}

/** Runs build.sh with no environment besides `env` and what the stand-ins need. */
async function build(args: string, env: Record<string, string> = {}): Promise<Result> {
  rmSync(join(record, 'calls'), { force: true });
  const result = await promisify(execFile)(join(checkout, 'build.sh'), args.split(' '), {
    env: {
      PATH: `${join(folder, 'tools')}:${join(folder, 'system')}`,
      RECORD: record,
      AWS_REGION: 'eu-central-1',
      TMPDIR: folder,
      ...env,
    },
  }).then(
    ({ stdout, stderr }) => ({ status: 0, out: stdout, err: stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      status: error.code,
      out: error.stdout,
      err: error.stderr,
    }),
  );
  const calls = existsSync(join(record, 'calls')) ? readFileSync(join(record, 'calls'), 'utf8') : '';
  return { ...result, calls: tidy(calls).split('\n').slice(0, -1) };
}

/** Replaces what differs between two tests. */
function tidy(text: string): string {
  return text
    .replaceAll(new RegExp(`${folder}/[^/ ]+/(event|reply)`, 'g'), 'WORK/$1')
    .replaceAll(tag, 'TAG')
    .replaceAll(URI, 'URI');
}

const AWS = 'aws --region eu-central-1';
const CHECK_DOCKER = 'docker info --format {{.ServerVersion}}';
const CHECK_LOGIN = `${AWS} sts get-caller-identity --query Account --output text`;
const BUILD = [
  'docker buildx version',
  'docker buildx build --load --provenance=false --sbom=false --platform linux/amd64 --tag baton:TAG .',
];
const FIND_REPOSITORY = `${AWS} ecr describe-repositories --repository-names baton --query repositories[0].repositoryUri --output text`;
const MAKE_REPOSITORY =
  `${AWS} ecr create-repository --repository-name baton --image-scanning-configuration scanOnPush=true ` +
  '--image-tag-mutability IMMUTABLE --query repository.repositoryUri --output text';
const FIND_IMAGE = `${AWS} ecr describe-images --repository-name baton --image-ids imageTag=TAG --query imageDetails[0].imageDigest --output text`;
const PUSH = [
  `${AWS} ecr get-login-password`,
  'docker login --username AWS --password-stdin 123456789012.dkr.ecr.eu-central-1.amazonaws.com',
  'docker tag baton:TAG URI:TAG',
  'docker push URI:TAG',
];
const FIND_STACK = `${AWS} cloudformation describe-stacks --stack-name baton-dev --query Stacks[0].StackStatus --output text`;
const DEPLOY =
  `${AWS} cloudformation deploy --stack-name baton-dev --template-file deploy/template.yaml ` +
  '--capabilities CAPABILITY_IAM --no-fail-on-empty-changeset --parameter-overrides ' +
  'ImageUri=URI@sha256:0123 FunctionName=baton-dev Stage=dev Architecture=x86_64';
/** After the first deployment, the script waits for the schedule's first event. */
const FIRST_TICK = 'sleep 120';
const DOCTOR = `${AWS} --cli-read-timeout 310 lambda invoke --function-name baton-dev --payload fileb://WORK/event WORK/reply`;

const ALL = [
  CHECK_DOCKER,
  ...BUILD.slice(0, 1),
  CHECK_LOGIN,
  ...BUILD.slice(1),
  FIND_REPOSITORY,
  MAKE_REPOSITORY,
  FIND_IMAGE,
  ...PUSH,
  FIND_REPOSITORY,
  FIND_IMAGE,
  FIND_STACK,
  DEPLOY,
  FIRST_TICK,
  DOCTOR,
];

/** The two sides of a pipe may record themselves in either order. */
const sorted = (calls: readonly string[]): string[] => calls.toSorted();

describe('each command makes these calls and no others', () => {
  test('build does not need the AWS command line', async () => {
    rmSync(join(folder, 'tools', 'aws'));
    expect(await build('build')).toMatchObject({ status: 0, calls: [CHECK_DOCKER, ...BUILD] });
  });

  test('the first push creates the repository', async () => {
    const { status, calls } = await build('push');
    expect(status).toBe(0);
    expect(sorted(calls)).toEqual(
      sorted([CHECK_DOCKER, CHECK_LOGIN, FIND_REPOSITORY, MAKE_REPOSITORY, FIND_IMAGE, ...PUSH]),
    );
    expect(readFileSync(join(record, 'password'), 'utf8')).toBe('one-time-password\n');
  });

  test('push of an image that is already in ECR pushes nothing', async () => {
    await build('push');
    const { status, out, calls } = await build('push');
    expect({ status, calls }).toEqual({
      status: 0,
      calls: [CHECK_DOCKER, CHECK_LOGIN, FIND_REPOSITORY, FIND_IMAGE],
    });
    expect(tidy(out)).toContain('# not pushed: baton:TAG is already in ECR, where tags never change');
  });

  test('deploy does not need docker', async () => {
    await build('push');
    rmSync(join(folder, 'tools', 'docker'));
    const { status, out, calls } = await build('deploy');
    expect({ status, calls }).toEqual({
      status: 0,
      calls: [CHECK_LOGIN, FIND_REPOSITORY, FIND_IMAGE, FIND_STACK, DEPLOY, FIRST_TICK, DOCTOR],
    });
    expect(tidy(out)).toContain('ok    database: MySQL 8.4\n# baton-dev runs baton:TAG\n');
  });

  test('all is build, push and deploy', async () => {
    const { status, calls } = await build('all');
    expect(status).toBe(0);
    expect(sorted(calls)).toEqual(sorted(ALL));
  });

  test('--dry-run all makes no call and prints every call that may be needed', async () => {
    const { status, out, calls } = await build('--dry-run all');
    expect({ status, calls }).toEqual({ status: 0, calls: [] });
    const plan = tidy(out)
      .replaceAll('\\', '')
      .replaceAll('ACCOUNT', '123456789012')
      .replaceAll(URI, 'URI')
      .replaceAll('sha256:DIGEST', 'sha256:0123')
      .split('\n')
      .flatMap((line) => (line.startsWith('+ ') ? line.slice(2).split(' | ') : []));
    expect(plan.filter((line) => !/ (delete-stack|stack-delete-complete) /.test(line))).toEqual(ALL);
  });
});

/** Each call of `all`: the words that it begins with, and its number among the calls that begin with them. */
const EACH = ALL.map((call, nth) => {
  const begins = /^.*?(?=TAG|URI|WORK|fileb|$)/.exec(call)?.[0] ?? '';
  return { begins, nth: ALL.slice(0, nth + 1).filter((each) => each.startsWith(begins)).length };
});

test.each(EACH)(
  'after a failure of $begins ($nth) the script stops, and the same command then succeeds',
  async ({ begins, nth }) => {
    const failure = await build('all', { FAIL: begins, FAIL_NTH: String(nth) });
    expect(failure.status).not.toBe(0);
    expect(failure.err).not.toBe('');
    const last = failure.calls.findLastIndex((call) => call.startsWith(begins));
    // The two sides of a pipe start together, and after a failed deployment the script asks for the reason.
    const allowed = / login |get-login-password|describe-stack-events/;
    expect(failure.calls.slice(last + 1).filter((call) => !allowed.test(call))).toEqual([]);
    expect(await build('all')).toMatchObject({ status: 0 });
    expect(existsSync(join(record, `image-${tag}`))).toBe(true);
  },
);

describe('podman and buildah', () => {
  it.each(['podman', 'buildah'])('%s is used if docker is not installed', async (engine) => {
    rmSync(join(folder, 'tools', 'docker'));
    addTool(engine);
    expect(await build('build')).toMatchObject({
      status: 0,
      calls: [`${engine} build --platform linux/amd64 --tag baton:TAG .`],
    });
    const { calls } = await build('push');
    expect(sorted(calls.slice(-4))).toEqual(sorted(PUSH.map((call) => call.replace(/^docker/, engine))));
  });
});

describe('the tag', () => {
  test('uncommitted changes are refused without --allow-dirty', async () => {
    writeFileSync(join(checkout, 'new.ts'), 'one');
    const refusal = await build('all');
    expect(refusal.status).toBe(1);
    expect(refusal.err).toContain('there are changes that are not committed');
    expect(refusal.calls.filter((call) => /build |push/.test(call))).toEqual([]);
    expect(await build('--allow-dirty build')).toMatchObject({ status: 0 });
  });

  test('with uncommitted changes, the tag depends on the content alone', async () => {
    const tagOf = async (content: string): Promise<string> => {
      writeFileSync(join(checkout, 'new.ts'), content);
      const { calls } = await build('--allow-dirty build');
      return /baton:(\S+)/.exec(calls.at(-1) ?? '')?.[1] ?? '';
    };
    const [one, two, again] = [await tagOf('one'), await tagOf('two'), await tagOf('one')];
    expect(one).toMatch(/^TAG-dirty-[0-9a-f]{8}$/);
    expect(two).not.toBe(one);
    expect(again).toBe(one);
    // Staged changes stay staged.
    expect(git('status', '--porcelain')).toBe('?? new.ts');
  });

  test('an image for arm64 has a tag of its own', async () => {
    const { calls } = await build('--arch arm64 build');
    expect(calls.at(-1)).toContain('--platform linux/arm64 --tag baton:TAG-arm64');
  });

  test('a rollback is a deployment with an earlier tag, whatever the tree contains', async () => {
    await build('all');
    const earlier = tag;
    writeFileSync(join(checkout, 'new.ts'), 'one');
    commit('second');
    await build('all');
    writeFileSync(join(checkout, 'new.ts'), 'two');
    const { status, calls } = await build(`--tag ${earlier} deploy`);
    expect(status).toBe(0);
    expect(calls).toContain(FIND_IMAGE);
  });

  test('an image that is not in ECR is not deployed', async () => {
    await build('push');
    const { status, err, calls } = await build('--tag v9 deploy');
    expect(status).toBe(1);
    expect(err).toBe('build.sh: there is no image baton:v9 in ECR: run ./build.sh push first\n');
    expect(calls).not.toContain(DEPLOY);
  });
});

describe('the stack', () => {
  beforeEach(() => build('push'));

  test('a stack whose first deployment failed is deleted first, since CloudFormation refuses to deploy it again', async () => {
    writeFileSync(join(record, 'stack'), 'ROLLBACK_COMPLETE\n');
    const { status, calls } = await build('deploy');
    expect(status).toBe(0);
    expect(calls.slice(-5)).toEqual([
      `${AWS} cloudformation delete-stack --stack-name baton-dev`,
      `${AWS} cloudformation wait stack-delete-complete --stack-name baton-dev`,
      DEPLOY,
      FIRST_TICK,
      DOCTOR,
    ]);
  });

  test('a running stack is only updated', async () => {
    writeFileSync(join(record, 'stack'), 'UPDATE_ROLLBACK_COMPLETE\n');
    const { calls } = await build('deploy');
    expect(calls.slice(-3)).toEqual([FIND_STACK, DEPLOY, DOCTOR]);
  });

  test('stage, name, profile and region are passed to every call', async () => {
    writeFileSync(join(record, `image-${tag}`), 'sha256:0123');
    const { calls } = await build('--stage prod --name shop --profile work --region us-west-2 deploy');
    expect(calls.at(-3)).toContain(
      'aws --profile work --region us-west-2 cloudformation deploy --stack-name shop-prod',
    );
    expect(calls.at(-3)).toContain('FunctionName=shop-prod Stage=prod');
    expect(calls.at(-1)).toContain('--function-name shop-prod');
  });

  test('parameters come from a file, values with blanks too', async () => {
    writeFileSync(
      join(folder, 'parameters'),
      '# a comment\n\nSubnetIds=subnet-1,subnet-2\nScheduleExpression=rate(1 minute)',
    );
    const { status, calls } = await build(`--parameters ${folder}/parameters deploy`);
    expect(status).toBe(0);
    expect(calls.at(-3)).toMatch(/ SubnetIds=subnet-1,subnet-2 ScheduleExpression=rate\(1 minute\)$/);
  });

  test.each([
    [
      'DatabaseUrlSecretArn=mysql://baton:hunter2@db/push',
      'DatabaseUrlSecretArn has a secret as its value: store it in Secrets Manager',
    ],
    [
      'FcmCredentialsSecretArn={"private_key":"-----BEGIN PRIVATE KEY-----hunter2"}',
      'has a secret as its value',
    ],
    ['Stage=prod', 'build.sh sets Stage itself'],
    ['hunter2', 'deploy.parameters: line 1: expected Parameter=value, got something else'],
  ])('a parameter file with the line %j is refused, and its value is not printed', async (line, words) => {
    writeFileSync(join(checkout, 'deploy.parameters'), line);
    const { status, err, calls } = await build('--parameters deploy.parameters deploy');
    expect({ status, calls }).toEqual({ status: 1, calls: [] });
    expect(err).toContain(words);
    expect(err).not.toContain('hunter2');
  });
});

describe('the doctor', () => {
  beforeEach(() => build('push'));

  test('a fault is printed with its advice, and the exit status is 1', async () => {
    const fault = { name: 'recursive loop', ok: false, says: 'Terminate', advice: 'set it to Allow' };
    const none = { name: 'image', ok: null, says: 'not checked', advice: null };
    writeFileSync(
      join(record, 'doctor'),
      JSON.stringify({ kind: 'doctor', ok: false, checks: [fault, none] }),
    );
    const { status, out, err } = await build('deploy');
    expect(status).toBe(1);
    expect(out).toContain(
      'FAULT recursive loop: Terminate\n      set it to Allow\n-     image: not checked\n',
    );
    expect(err).toBe('build.sh: baton-dev is deployed, but the doctor found faults: see above\n');
  });

  test('a function that cannot start counts as a fault', async () => {
    writeFileSync(join(record, 'doctor'), '{"errorType":"Runtime.ImportModuleError","errorMessage":"no"}');
    const { status, out } = await build('deploy');
    expect(status).toBe(1);
    expect(out).toContain('the doctor returned no report: {"errorType":"Runtime.ImportModuleError"');
  });
});

describe('before the script changes anything', () => {
  test('it reports every missing tool at once', async () => {
    for (const tool of ['tools/docker', 'tools/aws', 'system/node']) rmSync(join(folder, tool));
    const { status, err } = await build('all');
    expect(status).toBe(1);
    expect(err.split('\n')).toEqual([
      'build.sh: missing: docker, podman or buildah, to build and push the image',
      'build.sh: missing: aws, the AWS command line',
      "build.sh: missing: node, to read the doctor's report",
      '',
    ]);
  });

  test.each([
    ['--stage live', '--stage: expected dev, staging or prod, got live'],
    ['--name Shop', '--name: expected lower-case letters, digits and -, got Shop'],
    ['--arch x86', '--arch: expected amd64 or arm64, got x86'],
    ['--tag a/b', '--tag: expected letters, digits, _ . and -, got a/b'],
    ['--tag', '--tag: expected a value, got nothing'],
    ['--parameters nowhere deploy', '--parameters: expected a file, got nowhere'],
    ['destroy', 'expected an option or a command from the list above, got destroy'],
  ])('%s is refused', async (args, words) => {
    const { status, err, calls } = await build(args);
    expect({ status, calls }).toEqual({ status: 1, calls: [] });
    expect(err).toContain(words);
  });
});
