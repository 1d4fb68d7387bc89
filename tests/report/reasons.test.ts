import { expect, test } from 'vitest';
import { RENDER_PROBLEMS } from '../../src/content/template.ts';
import { explainReason } from '../../src/report/reasons.ts';

test.each([
  'UNREGISTERED',
  'SENDER_ID_MISMATCH',
  'INVALID_ARGUMENT',
  'QUOTA_EXCEEDED',
  'UNAVAILABLE',
  'INTERNAL',
  'UNSPECIFIED_ERROR',
  'THIRD_PARTY_AUTH_ERROR',
  'HTTP_400_INVALID_ARGUMENT',
  'HTTP_401_UNAUTHENTICATED',
  'HTTP_403_SERVICE_DISABLED',
  'HTTP_403_PERMISSION_DENIED',
  'HTTP_404',
  'HTTP_408',
  'HTTP_429_RATE_LIMIT_EXCEEDED',
  'HTTP_503_UNAVAILABLE',
  'NO_ACCESS_TOKEN',
  'NO_CONNECTION_ECONNREFUSED',
  'TIMEOUT',
  'LATE',
  'IN_FLIGHT',
  'NOT_SENT',
  'NO_ANSWER',
  'RESET_2',
  'REFUSED_STREAM',
  'UNREADABLE_REPLY',
  'NO_DEVICE',
  'BAD_DEVICE',
  'BAD_CONTENT',
  ...RENDER_PROBLEMS,
  'NO_BUDGET',
  'KEY_REUSED',
  'UNWRITABLE_REPLY',
  'OTHER',
  'messaging/invalid-payload',
])('%s has a meaning and a remedy', (reason) => {
  const { meaning, remedy } = explainReason(reason);
  expect(meaning).not.toMatch(/Baton does not know/);
  expect(remedy).toMatch(/\w/);
});

test('a refusal that fails announcements has the remedy of that failure', () => {
  expect(explainReason('HTTP_403_SERVICE_DISABLED').remedy).toMatch(
    /^enable the Firebase Cloud Messaging API/,
  );
});

test('a reason that is newer than the table says so', () => {
  expect(explainReason('constructor')).toEqual({
    meaning: 'an error that Baton does not know',
    remedy: expect.stringContaining('firebase.google.com') as string,
  });
});
