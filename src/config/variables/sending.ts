import { PLAIN, type Variable } from './variable.ts';

/** The variables of hops, retries and the queue. */
export const SENDING_VARIABLES = [
  {
    ...PLAIN,
    name: 'STAGE',
    fallback: 'dev',
    meaning: '`dev`, `staging` or `prod`; in every log line.',
  },
  {
    ...PLAIN,
    name: 'PAGE_SIZE',
    fallback: '3000',
    meaning: 'Devices per hop.',
  },
  {
    ...PLAIN,
    name: 'WINDOW',
    fallback: '3000',
    meaning:
      'Pushes that a hop may have in flight or unrecorded at a time, at most; a crash may repeat as many. While FCM answers quickly it has at most 1000; more only if its budget needs them at the measured answer time.',
  },
  {
    ...PLAIN,
    name: 'BATCH_SIZE',
    fallback: '500',
    meaning:
      'Answers that are recorded and judged together, at most; the first pushes of an announcement, which are judged before all others, are as many.',
  },
  {
    ...PLAIN,
    name: 'MAX_CONCURRENCY',
    fallback: '0',
    meaning:
      'The reserved concurrency of the function; 0: it has none. When that many invocations are busy, a hop does not wait for its last few answers: they are recorded when they arrive, by the process that sent them.',
  },
  {
    ...PLAIN,
    name: 'MAX_ATTEMPTS',
    fallback: '5',
    meaning: "Attempts per push before FCM's refusal is final.",
  },
  {
    ...PLAIN,
    name: 'RETRY_MS',
    // FCM asks for 10 s after a 500 or 503, and for 60 s after a 429 without Retry-After: see scale-fcm, above.
    fallback: '10000',
    meaning: 'The first wait after a 500, a 503 or no answer from FCM; each further wait is twice as long.',
  },
  {
    ...PLAIN,
    name: 'QUOTA_RETRY_MS',
    fallback: '60000',
    meaning: 'The wait after a 429 without `Retry-After`.',
  },
  {
    ...PLAIN,
    name: 'LEASE_MS',
    fallback: '30000',
    meaning: 'How long a claimed hop stays reserved after its last recorded answers.',
  },
  {
    ...PLAIN,
    name: 'DEADLINE_RESERVE_MS',
    fallback: '15000',
    meaning:
      'The last part of an invocation, in which nothing is sent: pushes in flight are recorded, and the rest goes to a repeat of the hop.',
  },
  {
    ...PLAIN,
    name: 'RETENTION_DAYS',
    fallback: '0',
    meaning:
      'The tick deletes the deliveries of announcements that ended so many days ago, and messages and alerts that were sent before that; 0: nothing is deleted.',
  },
  {
    ...PLAIN,
    name: 'CONFIRM_ABOVE',
    fallback: '10000',
    meaning:
      'At a terminal, `baton push` to more devices than this asks for their number to be typed; elsewhere it needs `--yes`.',
  },
  {
    ...PLAIN,
    name: 'CANARY_ABOVE',
    fallback: '0',
    meaning:
      'A broadcast to more devices than this has [silent pushes to the canaries](canaries.md) before it: half an hour before a scheduled one, and at the start of one that starts at once. 0: no broadcast has.',
  },
  {
    ...PLAIN,
    name: 'APPROVAL',
    fallback: 'off',
    meaning:
      '`required`: a broadcast waits at its start until a second person has [approved](operations.md#approval) it; or `off`.',
  },
  {
    ...PLAIN,
    name: 'TIME_ZONE',
    fallback: 'UTC',
    meaning: 'The time zone of devices that say none, for announcements at a local time.',
    isPerSource: true,
  },
  {
    ...PLAIN,
    name: 'QUIET_HOURS',
    meaning:
      'Hours in which no broadcast and no mailing of the source starts or goes on, such as `22:00-08:00 Europe/Berlin hold`; with `expire` in the place of `hold`, one that is due in them is cancelled. Messages that are sent at once go out all the same.',
    isPerSource: true,
  },
  {
    ...PLAIN,
    name: 'QUEUE_REFUSED',
    fallback: 'return',
    meaning:
      'What becomes of an SQS record that can never be sent: `return` (to the queue, which moves it to its dead-letter queue) or `drop`.',
  },
] as const satisfies readonly Variable[];
