import type { Outcome } from '../model/delivery.ts';
import { type App, deleteApp, initializeApp } from 'firebase-admin/app';
import { getMessaging, type Message, type SendResponse } from 'firebase-admin/messaging';
import type { OnAnswer } from '../announced.ts';
import type { Clock, Sender } from '../context.ts';
import { makeId } from '../id.ts';
import { type FcmAccess, fetchAccessToken } from './credentials.ts';
import { beforeAbort } from './deadline.ts';
import { makeSdkMessage } from './message.ts';
import { judge, judgeSilence } from './verdict.ts';

/** The limit of one sendEach. https://firebase.google.com/docs/cloud-messaging/send-message */
const MAX_MESSAGES_PER_CALL = 500;

export interface SdkSenderOptions {
  readonly access: FcmAccess;
  readonly clock: Clock;
  /** Takes the headers of answers that are errors: sendEach shows none of the others. */
  readonly onAnswer?: OnAnswer | undefined;
}

/** Makes a sender over firebase-admin's sendEach. It always sends to fcm.googleapis.com: the SDK has no setting for the host. */
export function makeSdkSender({ access, clock, onAnswer }: SdkSenderOptions): Sender {
  const app: App = initializeApp(
    { credential: access.credential, projectId: access.projectId },
    `baton-${makeId()}`,
  );
  const messaging = getMessaging(app);

  async function sendCall(
    messages: Message[],
    targets: readonly string[],
    dryRun: boolean,
    signal: AbortSignal,
  ): Promise<Outcome[]> {
    // sendEach cannot be aborted, and never settles if the server closes the connection during the call.
    const response = await beforeAbort(messaging.sendEach(messages, dryRun), signal);
    if (response === null) return messages.map(() => judgeSilence('TIMEOUT', 'perhaps'));
    return response.responses.map((each, nth) => {
      const headers = each.error?.httpResponse?.headers;
      if (headers) onAnswer?.(headers);
      return judgeResponse(each, clock.now(), targets[nth]);
    });
  }

  return {
    // Each call opens a connection of its own.
    callSize: MAX_MESSAGES_PER_CALL,
    async send(batch, signal, onOutcome) {
      // sendEach would report a missing token as a failure of every message; fetched here, it is one clear error.
      const token = await beforeAbort(fetchAccessToken(access), signal);
      if (token === null || signal.aborted) {
        return batch.devices.map(() => judgeSilence('NO_ACCESS_TOKEN', 'no'));
      }
      const messages = batch.devices.map(makeSdkMessage(batch, clock.now()));
      const targets = batch.devices.map(({ target }) => target);
      const calls: Promise<Outcome[]>[] = [];
      for (let first = 0; first < messages.length; first += MAX_MESSAGES_PER_CALL) {
        const end = first + MAX_MESSAGES_PER_CALL;
        const call = sendCall(messages.slice(first, end), targets.slice(first, end), batch.dryRun, signal);
        calls.push(
          call.then((outcomes) => {
            for (const [nth, outcome] of outcomes.entries()) onOutcome?.(first + nth, outcome);
            return outcomes;
          }),
        );
      }
      return (await Promise.all(calls)).flat();
    },
    close: () => deleteApp(app),
  };
}

function judgeResponse(
  { success, messageId, error }: SendResponse,
  nowMs: number,
  target: string | undefined,
): Outcome {
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
      target,
    );
  }
  const code = error?.code ?? 'NO_ANSWER';
  // The SDK checks each message before it sends anything: the message is at fault, not the device.
  if (code === 'messaging/invalid-payload' || code === 'messaging/invalid-argument') {
    return { verdict: 'misconfigured', reason: code, messageName: null, retryAfterMs: null };
  }
  return judgeSilence(code, 'perhaps');
}

/** Parses the body if the SDK has not done so: that depends on the content type. */
function parseBody(data: unknown): unknown {
  if (typeof data !== 'string') return data;
  try {
    return JSON.parse(data) as unknown;
  } catch {
    return null;
  }
}
