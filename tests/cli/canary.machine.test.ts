import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { scan } from '../../src/broadcast/scan.ts';
import { makeCanaryPhones } from '../../src/rehearsal/canary-phones.ts';
import { batonHere, makeTerminal, makeWorkplace } from '../support/baton.ts';
import { makeContext } from '../support/context.ts';
import { startReceiver } from '../support/receiver.ts';

const SECRET = `whsec_${Buffer.alloc(24, 5).toString('base64')}`;

test('canaries of the sandbox answer over HTTP; a dead one is named by baton canary, and by an alert after 15 minutes', async () => {
  let address: string | null = null;
  let deadId = 0;
  const errors: string[] = [];
  const phones = makeCanaryPhones({
    receiptsUrl: () => (address === null ? null : `${address}/receipts`),
    isDead: (target) => target.startsWith('dead'),
    onError: (why) => void errors.push(why),
  });
  await using here = await makeWorkplace({ deliver: (push) => phones.deliver(push) });
  const receiver = await startReceiver(SECRET);
  onTestFinished(() => receiver.close());
  const store = await here.openStore();
  const env = { ...here.env, RECEIPTS: 'on' };
  const mark = async (marks: Record<string, boolean>): Promise<void> => {
    for (const [target, isCanary] of Object.entries(marks)) {
      await store.registerDevice({ target, isCanary });
    }
  };
  const ask = (...args: string[]) => batonHere(['canary', ...args], env);

  const terminal = makeTerminal({ env });
  const serving = batonHere(['serve', '--port', '0', '--workers', '1'], env, terminal);
  try {
    while (address === null) {
      address = /listening on (http:\S+), /.exec(terminal.printed.err)?.[1] ?? null;
      const finished = await Promise.race([serving, sleep(10)]);
      if (finished) throw new Error(`serve ended: ${finished.err}`);
    }
    deadId = await store.registerDevice({ target: 'dead-1' });
    await mark({ 'phone-1': true, 'phone-2': true, 'phone-3': false });
    const all = await ask('--json');
    expect(all).toMatchObject({ status: 0, err: '' });
    expect(JSON.parse(all.out)).toEqual({
      ok: true,
      phones: [
        {
          deviceId: expect.any(Number),
          platform: null,
          state: 'answered',
          afterMs: expect.any(Number),
          reason: null,
          remedy: null,
        },
        expect.objectContaining({ state: 'answered' }),
      ],
    });

    await mark({ 'phone-1': false, 'phone-2': false });
    expect(await store.registerDevice({ target: 'dead-1', isCanary: true })).toBe(deadId);
    const dead = await ask('--wait', '0');
    expect(dead).toMatchObject({ status: 1, err: '' });
    expect(dead.out).toMatch(
      new RegExp(
        String.raw`^canary ${deadId}: FCM accepted the push, and the phone did not answer in 0 seconds\n  → open the app on this phone.*\n0 of 1 canary answered\n$`,
      ),
    );
    await mark({ 'phone-1': true, 'phone-2': true });
  } finally {
    terminal.interrupt();
    await serving;
  }
  await phones.idle();
  expect(errors).toEqual([]);
  expect([...here.sandbox.accepted.keys()]).not.toContain('phone-3');

  const database = new DatabaseSync(here.env['DATABASE_URL'] ?? '');
  // Sixteen minutes pass.
  database.exec(`
    UPDATE push_canary SET sent_at = sent_at - 960000, answered_at = answered_at - 960000;
    UPDATE push_check SET started_at = started_at - 960000, ended_at = ended_at - 960000`);
  database.close();
  const alerting = { ...env, ALERT_WEBHOOK_URL: receiver.url, ALERT_WEBHOOK_SECRET: SECRET };
  await scan(makeContext(store, { env: alerting }));
  expect(await store.fetchNotices()).toMatchObject([{ name: `canary:${deadId}`, level: 'red' }]);
  const { verified } = await receiver.waitFor(1);
  expect(JSON.stringify(verified)).toContain(
    `FCM accepted the push to canary ${deadId} and the phone did not answer in 15 minutes`,
  );
  expect(JSON.stringify(verified)).toContain('open the app on this phone');
});

test('without canaries, or with RECEIPTS=off, baton canary sends nothing and says what is missing', async () => {
  await using here = await makeWorkplace();
  const store = await here.openStore();
  expect(await here.baton(['canary'], { RECEIPTS: 'on' })).toEqual({
    status: 2,
    out: '',
    err: 'baton canary: canaries: expected devices with is_canary = 1, got none: mark phones of the team by POST /devices with "isCanary": true\n',
  });
  await store.registerDevice({ target: 'phone-1', isCanary: true });
  expect(await here.baton(['canary'])).toEqual({
    status: 1,
    out: '',
    err: 'baton canary: RECEIPTS: expected on, so that canaries can answer, got off\n',
  });
  expect(here.sandbox.accepted.size).toBe(0);
});
