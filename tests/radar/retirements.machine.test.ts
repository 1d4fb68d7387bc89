import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { examine } from '../../src/doctor/examine.ts';
import { makeHandler, openServices } from '../../src/handler.ts';
import type { CheckName } from '../../src/model/notice.ts';
import { parseAnnounced } from '../../src/rehearsal/fcm/announced.ts';
import { writeSandboxCredentials } from '../../src/rehearsal/fcm/credentials.ts';
import type { FcmSandboxOptions } from '../../src/rehearsal/fcm/sandbox.ts';
import { listen } from '../fcm/loopback.ts';
import { makeWorkplace, type Workplace } from '../support/baton.ts';
import { startReceiver } from '../support/receiver.ts';

/** Invokes the function with an event, as Lambda does. */
type Invoke = (event: object) => Promise<unknown>;

interface Retirement {
  readonly what: string;
  readonly today: string;
  readonly sandbox?: FcmSandboxOptions;
  /** What happens before somebody looks. */
  readonly happens?: (invoke: Invoke, here: Workplace) => Promise<unknown>;
  /** The command that names it, and the event that brings the alert. */
  readonly command?: 'radar' | 'doctor';
  readonly event?: { readonly kind: CheckName | 'scan' };
  readonly alertKind?: CheckName;
  readonly level?: 'amber';
  readonly dueOn?: string;
  readonly says: string;
  readonly remedy: string;
}

const SECRET = `whsec_${Buffer.alloc(24, 9).toString('base64')}`;
const MINUTE = 60_000;

const NEXT =
  'read https://example.com/what-is-retired, then deploy a release of Baton that uses the successor';

async function broadcast(invoke: Invoke): Promise<void> {
  expect(await invoke({ title: 'Hello', body: 'World' })).toMatchObject({ sent: 3, end: 'done' });
}

/** True: the key of the credentials was deleted. */
let isRevoked = false;

const RETIREMENTS: readonly Retirement[] = [
  {
    what: 'a field that FCM deprecates',
    today: '2026-11-27',
    sandbox: { discovery: { deprecated: ['AndroidConfig.ttl'] } },
    level: 'amber',
    says: 'message.android.ttl',
    remedy: 'upgrade Baton',
  },
  {
    what: 'a field that FCM has no more',
    today: '2026-11-27',
    sandbox: { discovery: { gone: ['FcmOptions.analyticsLabel'] } },
    says: 'message.fcm_options.analytics_label',
    remedy: 'upgrade Baton',
  },
  {
    what: 'a Sunset header in the answers to a broadcast',
    today: '2026-11-27',
    sandbox: { headers: parseAnnounced('sunset=2026-12-31') },
    happens: broadcast,
    dueOn: '2026-12-31',
    says: 'FCM announces that what Baton calls ends on 2026-12-31',
    remedy: `${NEXT} before 2026-12-31`,
  },
  {
    what: 'a Deprecation header in the answers to a broadcast',
    today: '2026-11-27',
    sandbox: { headers: parseAnnounced('deprecation=2026-06-30') },
    happens: broadcast,
    level: 'amber',
    dueOn: '2026-06-30',
    says: 'FCM announces that what Baton calls is deprecated since 2026-06-30',
    remedy: NEXT,
  },
  {
    what: 'a Node past its date',
    today: '2028-05-01',
    dueOn: '2028-04-30',
    says: 'Node 24 lost its support on 2028-04-30',
    remedy: 'use a later Node',
  },
  {
    what: 'a database past its date',
    today: '2051-01-01',
    dueOn: '2050-12-31',
    says: 'SQLite 3 lost its support on 2050-12-31',
    remedy: 'use a later Node',
  },
  {
    what: 'a key that was revoked',
    today: '2026-11-27',
    happens: async () => void (isRevoked = true),
    command: 'doctor',
    event: { kind: 'doctor' },
    alertKind: 'doctor',
    says: 'no access token for FCM: Error code invalid_grant: Invalid JWT Signature.',
    remedy: 'generate a new private key in the Firebase console',
  },
  {
    what: 'pushes that FCM accepts and canary phones do not receive',
    today: '2026-11-27',
    happens: async (invoke) => {
      expect(await invoke({ kind: 'canary' })).toMatchObject({ ok: true, notices: [] });
      vi.setSystemTime(Date.now() + 16 * MINUTE);
    },
    event: { kind: 'scan' },
    alertKind: 'canary',
    says: 'FCM accepted the pushes to all 2 canaries (2, 3), and no phone answered in 15 minutes',
    remedy: 'check that the app answers silent pushes',
  },
];

const REFUSAL = { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' };
const ACCESS = {
  issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  ...{ access_token: 'token', token_type: 'Bearer', expires_in: 1 },
};

/** Google's token service. A token lasts for a second: each row of the table has a day of its own. */
const tokens = createServer((request, response) => {
  request.resume().on('end', () => {
    response.writeHead(isRevoked ? 400 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(isRevoked ? REFUSAL : ACCESS));
  });
});

/** Google's client reads its credentials once in a process. */
const folder = mkdtempSync(join(tmpdir(), 'baton-retirements-'));
let credentials = '';

beforeAll(async () => {
  credentials = writeSandboxCredentials(folder, `http://127.0.0.1:${await listen(tokens)}/token`);
});
afterEach(() => {
  isRevoked = false;
  vi.useRealTimers();
});
afterAll(() => {
  tokens.closeAllConnections();
  tokens.close();
  rmSync(folder, { recursive: true });
});

test.each(RETIREMENTS)('$what is named with its remedy, and an alert is out', async (retirement) => {
  const { today, sandbox = {}, command = 'radar', event = { kind: 'radar' }, level = 'red' } = retirement;
  const { happens, dueOn = null, says, remedy, alertKind = 'radar' } = retirement;
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse(`${today}T09:00:00Z`) });
  await using here = await makeWorkplace(sandbox);
  const receiver = await startReceiver(SECRET);
  onTestFinished(() => receiver.close());
  const store = await here.openStore();
  for (const nth of [1, 2, 3]) await store.registerDevice({ target: `phone-${nth}`, isCanary: nth > 1 });
  const env = {
    ...here.env,
    GOOGLE_APPLICATION_CREDENTIALS: credentials,
    ...{ ALERT_WEBHOOK_URL: receiver.url, ALERT_WEBHOOK_SECRET: SECRET, ALERT_ON: alertKind },
    RECEIPTS: 'on',
  };
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', credentials);
  onTestFinished(() => void vi.unstubAllEnvs());
  const services = await openServices(env, () => {});
  const handler = makeHandler(
    async () => services,
    () => examine({ env, functionName: null, fix: false, clock: systemClock }),
  );
  const invoke: Invoke = (each) =>
    handler(each, {
      ...{ awsRequestId: 'request', invokedFunctionArn: 'baton' },
      getRemainingTimeInMillis: () => 300_000,
    });
  await invoke({ kind: 'scan' });

  await happens?.(invoke, here);
  await invoke(event);
  const alerts = receiver.received.flatMap(({ verified }) => verified ?? []);
  expect(alerts.filter(({ data }) => String(data['text']).includes(says))).toMatchObject([
    {
      type: `check.${alertKind}`,
      data: {
        text: expect.stringContaining(
          `${alertKind} (${level}${dueOn === null ? '' : `, due on ${dueOn}`}): `,
        ),
        next: expect.stringContaining(remedy),
      },
    },
  ]);

  const { status, out } = await here.baton([command], env);
  const lines = out.split('\n');
  const nth = lines.findIndex((line) => line.includes(says));
  // The doctor writes its advice below a long line.
  expect(lines.slice(nth, nth + 2).join()).toContain(`→ ${remedy}`);
  if (command === 'radar') expect(lines[nth]).toMatch(new RegExp(`^${level} +${dueOn ?? 'now'}  `));
  expect(status).toBe(level === 'red' ? 1 : 0);
  await services.senders.close();
  await services.store.close();
});
