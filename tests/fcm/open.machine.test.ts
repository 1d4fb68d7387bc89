import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { makeSenders } from '../../src/fcm/open.ts';
import { writeSandboxCredentials } from '../../src/rehearsal/fcm/credentials.ts';
import { makeTestClock } from '../support/clock.ts';
import { listen, settle, until } from './loopback.ts';

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

test('a token service that does not answer holds the opening of a sender for 5 s, and no longer', async () => {
  let requests = 0;
  const tokens = createServer(() => requests++);
  closers.push(
    () => tokens.close(),
    () => tokens.closeAllConnections(),
  );
  const folder = mkdtempSync(join(tmpdir(), 'baton-open-'));
  closers.push(() => rmSync(folder, { recursive: true }));
  const tokenUrl = `http://127.0.0.1:${await listen(tokens)}/token`;
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', writeSandboxCredentials(folder, tokenUrl));
  closers.push(() => vi.unstubAllEnvs());

  const clock = makeTestClock();
  const senders = makeSenders(parseConfig({ ...process.env, FCM_PROJECT_ID: 'p' }), clock);
  let isOpen = false;
  const opening = senders.of('default').finally(() => {
    isOpen = true;
  });
  await until(() => requests > 0);
  await clock.advance(4999);
  await settle();
  expect(isOpen).toBe(false);
  await clock.advance(1);
  const sender = await opening;
  await sender.close();
});
