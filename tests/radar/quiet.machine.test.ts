import { expect, onTestFinished, test, vi } from 'vitest';
import type { Services } from '../../src/context.ts';
import { examine } from '../../src/doctor/examine.ts';
import { makeHandler, openServices } from '../../src/handler.ts';
import type { PushJob } from '../../src/job.ts';
import { CHECKS } from '../../src/model/notice.ts';
import { makeWorkplace } from '../support/baton.ts';
import { makeTestClock } from '../support/clock.ts';
import { makeRequest } from '../support/events.ts';
import { startReceiver } from '../support/receiver.ts';

const SECRET = `whsec_${Buffer.alloc(24, 9).toString('base64')}`;
const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
const CANARIES = [makeToken('canary-1'), makeToken('canary-2')];
const PHONES = Array.from({ length: 20 }, (_, nth) => makeToken(`phone-${nth}`));

/** A target that looks like a registration token. */
function makeToken(name: string): string {
  return `${name.padEnd(22, '-')}:APA91b${'x'.repeat(134)}`;
}

test('a quiet stack raises nothing in 30 days of ticks, checks, canaries that answer, and two broadcasts', async () => {
  const clock = makeTestClock({ startMs: Date.UTC(2026, 10, 27), isEager: true });
  const headers = {
    get date() {
      return new Date(clock.now()).toUTCString();
    },
  };
  await using here = await makeWorkplace({ clock, headers });
  const receiver = await startReceiver(SECRET);
  onTestFinished(() => receiver.close());
  await here.openStore();
  const env = {
    ...here.env,
    ...{ CHECKS: 'doctor,radar,canary', RECEIPTS: 'on', CANARY_ABOVE: '10' },
    ...{ ALERT_WEBHOOK_URL: receiver.url, ALERT_WEBHOOK_SECRET: SECRET },
  };
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', here.env['GOOGLE_APPLICATION_CREDENTIALS']);
  onTestFinished(() => void vi.unstubAllEnvs());

  const log: string[] = [];
  const opened = await openServices(env, (line) => log.push(line), clock);
  const { store } = opened;
  const queue: PushJob[] = [];
  const invoker: Services['invoker'] = { invoke: async (_name, job) => void queue.push(job), close() {} };
  const handler = makeHandler(
    async () => ({ ...opened, invoker }),
    () => examine({ env, functionName: null, fix: false, clock }),
  );
  const invoke = (event: object) =>
    handler(event, {
      ...{ awsRequestId: crypto.randomUUID(), invokedFunctionArn: 'baton' },
      getRemainingTimeInMillis: () => 300_000,
    });
  /** The apps of the canaries answer what they have got. */
  const answer = async (): Promise<void> => {
    const pushes = await store.fetchCanaryPushes(DAY, 100);
    const open = pushes.filter(({ answeredAt }) => answeredAt === null);
    if (open.length === 0) return;
    const receipts = open.map(({ round, deviceId }) => {
      return { id: round, target: CANARIES[deviceId - 1], event: 'delivered' };
    });
    const reply = await invoke(makeRequest({ path: '/receipts', body: { receipts } }));
    expect(reply).toMatchObject({ statusCode: 202 });
  };
  const done: PushJob[] = [];
  const tick = async (): Promise<void> => {
    await invoke({ kind: 'scan' });
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      await invoke(job);
      done.push(job);
      if (job.kind === 'canary') await answer();
    }
  };

  for (const target of CANARIES) await store.registerDevice({ target, isCanary: true });
  for (const target of PHONES) await store.registerDevice({ target });
  const from = clock.now();
  const starts = [8, 23].map((day) => from + day * DAY + 17 * 60 * MINUTE);
  for (const at of starts) {
    const publishAt = new Date(at).toISOString();
    await invoke({ title: 'Hello', body: 'World', publishAt });
  }
  while (clock.now() < from + 30 * DAY) {
    await tick();
    const isNear = starts.some((at) => Math.abs(at - clock.now()) < 95 * MINUTE);
    await clock.advance((isNear ? 5 : 60) * MINUTE);
  }

  expect(await store.fetchNotices()).toEqual([]);
  expect(receiver.received.map(({ body }) => (JSON.parse(body) as { type: string }).type)).toEqual([
    'announcement.done',
    'announcement.done',
  ]);
  expect(log.filter((line) => line.includes('"ERROR"'))).toEqual([]);
  expect((await store.fetchChecks()).filter(({ ok }) => ok !== true)).toEqual([]);
  // The tick starts a check 25 hours after its last end, and the one before a broadcast counts.
  const timesOf = (kind: string) => done.filter((job) => job.kind === kind).length;
  for (const kind of CHECKS) expect(timesOf(kind)).toBeGreaterThanOrEqual(28);
  for (const kind of ['doctor', 'canary']) {
    expect(done.filter((job) => job.kind === kind && 'announcementId' in job)).toHaveLength(starts.length);
  }
  const received = (targets: readonly string[]) =>
    targets.map((each) => here.sandbox.accepted.get(each) ?? 0);
  expect(new Set(received(PHONES))).toEqual(new Set([2]));
  for (const times of received(CANARIES)) expect(times).toBeGreaterThan(30);
  await opened.senders.close();
  await store.close();
});
