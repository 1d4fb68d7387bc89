import type { Tested, TestSend } from '../messages/test-sends.ts';
import { describeOutcome } from './explain/device.ts';

/** A test send with its meaning in words. */
export interface TestSendWords extends Omit<TestSend, 'variable'> {
  readonly says: string;
  /** What to do; null: nothing. */
  readonly remedy: string | null;
}

const TEST_AGAIN = 'send the test again';

/** `describeTestSend` says what became of a test send. Baton does not send it again by itself, unlike other pushes. */
export function describeTestSend(
  { variable, ...send }: TestSend,
  { dryRun }: Pick<Tested, 'dryRun'>,
): TestSendWords {
  const { verdict, reason, messageName } = send;
  if (dryRun && verdict === 'delivered') return { ...send, says: 'FCM would accept it', remedy: null };
  const { says, remedy } = describeOutcome({ verdict, reason, messageName });
  const isTransient = verdict === 'retryable' || verdict === 'unknown' || verdict === 'in-progress';
  return {
    ...send,
    says: variable === null ? says : `${says}: ${variable}`,
    remedy: isTransient ? TEST_AGAIN : remedy,
  };
}
