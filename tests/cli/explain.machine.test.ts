import { LambdaClient, PutFunctionConcurrencyCommand } from '@aws-sdk/client-lambda';
import { afterEach, expect, test, vi } from 'vitest';
import { runHop } from '../../src/broadcast/hop.ts';
import { firstJob } from '../../src/job.ts';
import { startEngine } from '../../src/local/engine.ts';
import { draft, makeContext } from '../support/context.ts';
import { batonHere, makeWorkplace } from '../support/baton.ts';
import { makeToken } from '../support/targets.ts';

const TOKEN = makeToken('explained');

afterEach(() => vi.unstubAllEnvs());

test('explain says what happened to an announcement and to a device, and prints no token', async () => {
  await using here = await makeWorkplace();
  const store = await here.openStore();
  await store.registerDevice({ target: TOKEN, targetKind: 'token', memberId: 'member-1' });
  await runHop(makeContext(store), firstJob(await store.createAnnouncement(draft)));

  const { status, out } = await here.baton(['explain', '1']);
  expect(status).toBe(0);
  expect(out).toMatch(/^announcement 1 is done: 1 of 1 push delivered in .*\ncause: {2}\w.*\nremedy: \w/);
  expect(out).toMatch(/where the time went[^]*proof\n {2}✓ the ledger has 1 row/);
  expect((await here.baton(['explain', 'announcement', '1'])).out).toBe(out);
  const json = JSON.parse((await here.baton(['explain', '1', '--json'])).out) as Record<string, unknown>;
  expect(json).toMatchObject({ announcementId: 1, status: 'done', proof: { problems: [] } });

  for (const name of [TOKEN, '1', 'member:member-1']) {
    const device = await here.baton(['explain', 'device', name]);
    expect(device).toMatchObject({ status: 0, err: '' });
    expect(device.out).toContain('announcement 1 "Hello": FCM accepted it as m');
    expect(device.out).not.toContain(TOKEN);
  }
  const deviceJson = (await here.baton(['explain', 'device', '1', '--json'])).out;
  expect(JSON.parse(deviceJson)).toMatchObject({
    devices: [{ deviceId: 1, announcements: [{ verdict: 'delivered' }] }],
  });
  expect(await here.baton(['explain', '77'])).toMatchObject({ status: 1, out: '' });
  const unknown = await here.baton(['explain', 'device', `${TOKEN}x`]);
  expect(unknown).toMatchObject({ status: 1, out: '' });
  expect(unknown.err).not.toContain(TOKEN);
});

test('with --function, AWS is asked about the kill switch; without its answer, the database has to say it', async () => {
  await using here = await makeWorkplace();
  const store = await here.openStore();
  await store.registerDevice({ target: TOKEN, targetKind: 'token' });
  const announcementId = await store.createAnnouncement(draft);
  const engine = await startEngine({ env: here.env, workers: 1, ticks: false, onLog: () => {} });
  const { endpoint, credentials } = engine.lambda;
  const client = new LambdaClient({ endpoint, region: 'us-east-1', credentials });
  try {
    const none = { FunctionName: engine.functionName, ReservedConcurrentExecutions: 0 };
    await client.send(new PutFunctionConcurrencyCommand(none));
    const key = { announcementId, round: 0, fromId: 0 };
    await store.startAnnouncement(key, 30_000, [], { audience: { devices: 1, lastId: 1 } });
    await engine.invoke({ kind: 'broadcast', ...key });

    vi.stubEnv('AWS_ENDPOINT_URL_LAMBDA', endpoint);
    vi.stubEnv('AWS_REGION', 'us-east-1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', credentials.accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', credentials.secretAccessKey);
    const { out, status } = await batonHere(['explain', '1', '--function', engine.functionName], here.env);
    expect(out).toMatch(/\ncause: {2}the function is not invoked at all: its reserved concurrency is 0/);
    expect(status).toBe(0);
    const wrong = await batonHere(['explain', '1', '--function', 'another'], here.env);
    expect(wrong.err).toContain('AWS was asked about the function without success');
    expect(wrong).toMatchObject({
      status: 0,
      out: expect.stringContaining('announcement 1 is running') as string,
    });
  } finally {
    client.destroy();
    await engine.close();
  }
});
