import { type App, deleteApp, initializeApp } from 'firebase-admin/app';
import { type BatchResponse, getMessaging, type Message, type SendResponse } from 'firebase-admin/messaging';
import type { Batch, Clock, Outcome, Sender } from '../context.ts';
import { type FcmAccess, fetchAccessToken } from './credentials.ts';
import { sdkMessage } from './message.ts';
import { judge, judgeSilence } from './verdict.ts';

/** sendEach refuses more. https://firebase.google.com/docs/cloud-messaging/send-message */
const MAX_MESSAGES_A_CALL = 500;

export interface SdkSenderOptions {
  readonly access: FcmAccess;
  readonly clock: Clock;
}

/** firebase-admin's own sendEach. It always goes to fcm.googleapis.com: the SDK has no setting for another endpoint. */
export function makeSdkSender({ access, clock }: SdkSenderOptions): Sender {
  const app: App = initializeApp(
    { credential: access.credential, projectId: access.projectId },
    `baton-${crypto.randomUUID()}`,
  );
  const messaging = getMessaging(app);

  async function sendCall(batch: Batch, timeoutMs: number): Promise<Outcome[]> {
    const message = sdkMessage(batch, clock.now());
    const messages = batch.devices.map(({ target, targetKind }): Message =>
      targetKind === 'fid' ? { ...message, fid: target } : { ...message, token: target },
    );
    const response = await within(timeoutMs, messaging.sendEach(messages, batch.dryRun));
    return response === 'timeout'
      ? messages.map(() => judgeSilence('TIMEOUT', 'perhaps'))
      : response.responses.map((each) => judgeResponse(each, clock.now()));
  }

  return {
    async send(batch, timeoutMs) {
      // sendEach would turn a missing token into a failure of every message; asked here, it is one clear error.
      await fetchAccessToken(access);
      const calls: Promise<Outcome[]>[] = [];
      for (let first = 0; first < batch.devices.length; first += MAX_MESSAGES_A_CALL) {
        const devices = batch.devices.slice(first, first + MAX_MESSAGES_A_CALL);
        calls.push(sendCall({ ...batch, devices }, timeoutMs));
      }
      return (await Promise.all(calls)).flat();
    },
    close: () => deleteApp(app),
  };
}

function judgeResponse({ success, messageId, error }: SendResponse, nowMs: number): Outcome {
  if (success) return judge({ status: 200, body: { name: messageId }, retryAfter: null }, nowMs);
  const response = error?.httpResponse;
  if (response) {
    const retryAfter: unknown = response.headers['retry-after'];
    return judge(
      {
        status: response.status,
        body: parseBody(response.data),
        retryAfter: typeof retryAfter === 'string' ? retryAfter : null,
      },
      nowMs,
    );
  }
  const code = error?.code ?? 'NO_ANSWER';
  // Found by the SDK before anything was sent: the message, not the device.
  if (code === 'messaging/invalid-payload' || code === 'messaging/invalid-argument') {
    return { verdict: 'misconfigured', reason: code, messageName: null, retryAfterMs: null };
  }
  return judgeSilence(code, 'perhaps');
}

/** The SDK hands the body over parsed or not, by its content type. */
function parseBody(data: unknown): unknown {
  if (typeof data !== 'string') return data;
  try {
    return JSON.parse(data) as unknown;
  } catch {
    return null;
  }
}

/** sendEach never settles if the server closes the connection in mid-call, so somebody else must watch the time. */
async function within(
  timeoutMs: number,
  sending: Promise<BatchResponse>,
): Promise<BatchResponse | 'timeout'> {
  const { promise, resolve } = Promise.withResolvers<'timeout'>();
  const timer = setTimeout(() => resolve('timeout'), timeoutMs);
  try {
    return await Promise.race([sending, promise]);
  } finally {
    clearTimeout(timer);
  }
}
