import { applicationDefault, initializeApp } from 'firebase-admin/app';
import { getMessaging } from 'firebase-admin/messaging';
import { sdkMessage } from '../../../src/fcm/message.ts';
import { redirectSdk } from '../../../src/rehearsal/fcm/sdk-redirect.ts';
import { ANNOUNCEMENT, COLLAPSE_KEY, type Load, repeatSideBySide } from './peer.ts';

/** The limit of one sendEach. https://firebase.google.com/docs/cloud-messaging/send-message */
const MESSAGES_PER_CALL = 500;

/** firebase-admin's sendEach, with so many calls at once; each call opens a connection of its own. */
export async function prepareSendEach(calls: number): Promise<Load> {
  redirectSdk(process.env['FCM_ENDPOINT'] ?? '');
  const app = initializeApp({ credential: applicationDefault(), projectId: 'bench' });
  const messaging = getMessaging(app);
  const message = sdkMessage({ ...ANNOUNCEMENT, collapseKey: COLLAPSE_KEY }, Date.now());
  return (supply) =>
    repeatSideBySide(calls, async () => {
      const messages = supply.take(MESSAGES_PER_CALL).map((token) => ({ ...message, token }));
      if (messages.length === 0) return false;
      const { successCount, responses } = await messaging.sendEach(messages);
      if (successCount < messages.length) {
        throw new Error(
          `expected ${messages.length} successes, got ${JSON.stringify(responses.find(({ success }) => !success))}`,
        );
      }
      supply.noteAccepted(successCount);
      return true;
    });
}
