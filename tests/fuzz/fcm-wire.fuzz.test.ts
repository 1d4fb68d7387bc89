import type { Device } from '../../src/model/device.ts';
import * as fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { makeSdkSender } from '../../src/fcm/sdk.ts';
import { redirectSdk } from '../../src/rehearsal/fcm/sdk-redirect.ts';
import { openSender, sendTo } from '../fcm/http2/sending.ts';
import { dataFrames, frame, headersFrame, startRawServer } from '../fcm/http2/raw-server.ts';
import { fuzzing } from '../support/fuzz.ts';
import { expectSound, rawReply } from './fcm-reply.ts';

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const TARGET = `cVr0Kg2RT6aZ1bYx9mQw3e:APA91b${'x'.repeat(134)}`;
const device: Device = { deviceId: 1, target: TARGET, targetKind: 'token' };

const credential = { getAccessToken: async () => ({ access_token: 'a-token', expires_in: 3600 }) };

const ACCEPTED = Buffer.from('{"name":"projects/p/messages/1"}');

/** A server that answers with the bytes that `answers` holds for a stream, and then with an acceptance. */
async function begin(transport: 'http2' | 'sdk' = 'http2') {
  const answers: { readonly bytes: (streamId: number) => Buffer; readonly isLast: boolean }[] = [];
  const server = await startRawServer((socket, streamId) => {
    // Otherwise each case waits 40 ms for the client's acknowledgement.
    socket.setNoDelay(true);
    const { bytes, isLast } = answers.shift() ?? {
      bytes: (id: number) =>
        Buffer.concat([headersFrame(id, [[':status', '200']]), dataFrames(id, ACCEPTED, 1000)]),
      isLast: false,
    };
    socket.write(bytes(streamId));
    if (isLast) socket.end();
  });
  closers.push(() => server.close());
  if (transport === 'sdk') closers.push(redirectSdk(server.endpoint));
  const sender =
    transport === 'sdk'
      ? makeSdkSender({ access: { credential, projectId: 'p' }, clock: systemClock })
      : openSender(server.endpoint, systemClock);
  closers.push(() => sender.close());
  return { answers, send: () => sendTo(sender, [device]) };
}

/** Header fields, now and then ones that HTTP/2 does not allow: the client then resets the stream. */
const header = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(fc.constantFrom('content-type', 'x-other'), fc.string({ maxLength: 60 })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.constantFrom('content-length', ':status', 'X-Upper', ''),
      fc.oneof(fc.nat().map(String), fc.string({ unit: 'binary', maxLength: 30 })),
    ),
  },
);

test('whatever status, headers and body arrive, the outcome is sound, and the next message is delivered', async () => {
  const { answers, send } = await begin();
  const wire = fc.record({
    reply: rawReply(TARGET),
    more: fc.array(header, { maxLength: 2 }),
    size: fc.constantFrom(1, 7, 100, 16_000),
    isCut: fc.nat(3).map((one) => one === 0),
  });
  await fc.assert(
    fc.asyncProperty(wire, async ({ reply, more, size, isCut }) => {
      const { status, retryAfter, body } = reply;
      const fields: [string, string][] = [[':status', String(status).padStart(3, '0')]];
      if (retryAfter !== null) fields.push(['retry-after', retryAfter], ['retry-after', retryAfter]);
      const bytes = (id: number): Buffer => {
        const all = Buffer.concat([
          headersFrame(id, [...fields, ...more]),
          dataFrames(id, body.subarray(0, 30_000), size),
        ]);
        return isCut ? all.subarray(0, all.length - 9) : all;
      };
      answers.push({ bytes, isLast: isCut });
      const [outcome] = await send();
      expectSound(outcome, TARGET);
      answers.length = 0;
      expect(await send()).toMatchObject([{ verdict: 'delivered' }]);
    }),
    fuzzing(),
  );
});

test('whatever bytes arrive in place of an answer, the outcome is sound, and the next message is delivered', async () => {
  const { answers, send } = await begin();
  const payload = fc.uint8Array({ maxLength: 60 }).map((some) => Buffer.from(some));
  const frames = fc.array(fc.tuple(fc.nat(12), fc.nat(255), fc.boolean(), payload), {
    minLength: 1,
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(frames, async (parts) => {
      const bytes = (id: number): Buffer =>
        Buffer.concat(parts.map(([type, flags, isOwn, some]) => frame(type, flags, isOwn ? id : 0, some)));
      answers.push({ bytes, isLast: true });
      const [outcome] = await send();
      expectSound(outcome, TARGET);
      answers.length = 0;
      expect(await send()).toMatchObject([{ verdict: 'delivered' }]);
    }),
    fuzzing(0.3),
  );
});

test('whatever status, headers and body the SDK gets, the outcome is sound, and the next message is delivered', async () => {
  const { answers, send } = await begin('sdk');
  // The SDK itself sends a message again after a 503, up to 4 times in 7 s.
  const wire = rawReply(TARGET).filter(({ status }) => status >= 200 && status !== 503);
  await fc.assert(
    fc.asyncProperty(wire, async ({ status, retryAfter, body }) => {
      const fields: [string, string][] = [[':status', String(status)]];
      if (retryAfter !== null) fields.push(['retry-after', retryAfter]);
      const bytes = (id: number): Buffer =>
        Buffer.concat([headersFrame(id, fields), dataFrames(id, body.subarray(0, 30_000), 1000)]);
      answers.push({ bytes, isLast: false });
      const [outcome] = await send();
      expectSound(outcome, TARGET);
      answers.length = 0;
      expect(await send()).toMatchObject([{ verdict: 'delivered' }]);
    }),
    fuzzing(0.2),
  );
});
