/** One environment variable that Baton, Google's client or Node reads. */
export interface Variable {
  readonly name: string;
  /** The value that an absent or empty variable stands for; empty: none. */
  readonly fallback: string;
  /** The meaning for the documentation, as Markdown. */
  readonly meaning: string;
  /** True: the value is a key, a password or a token: no error, log or report shows it. */
  readonly isSecret: boolean;
  /** True: the same name with the suffix `_SHOP_B` sets the value for the source `shop_b`. */
  readonly isPerSource: boolean;
  /** True: the local workers get the variable from the terminal's environment. */
  readonly isForWorkers: boolean;
}

/** A hop runs one statement at a time; the second connection is for another caller in the process, such as a progress bar. */
export const CONNECTIONS = 2;

/** `baton serve` answers many requests at the same time in one process. */
export const CONNECTIONS_OF_SERVE = 10;

/** Ten years: who keeps deliveries for longer keeps them for ever. */
export const MAX_RETENTION_DAYS = 3650;

/** The SQLite file where nothing is configured: it is Baton's own. */
export const DEFAULT_FILE = 'baton.db';

const PLAIN = { fallback: '', isSecret: false, isPerSource: false, isForWorkers: true } as const;

/** All variables, in the order of the documentation. This list is the only one: the parser, the workers' environment and the documentation use it. */
export const VARIABLES = [
  {
    ...PLAIN,
    name: 'DATABASE_URL',
    fallback: DEFAULT_FILE,
    meaning:
      '`mysql://user:password@host:3306/database` (MySQL 8, MariaDB 10.6 or later), or the path of an SQLite file.',
    isSecret: true,
  },
  {
    ...PLAIN,
    name: 'DATABASE_TLS',
    fallback: 'off',
    meaning:
      '`off`; `rds` (certificate authorities of Amazon RDS); `verify` (those of the system); or the path of a PEM file.',
  },
  {
    ...PLAIN,
    name: 'DATABASE_CONNECTIONS',
    fallback: String(CONNECTIONS),
    meaning: `MySQL connections of one process; \`baton serve\` uses ${CONNECTIONS_OF_SERVE} if this is not set.`,
  },
  {
    ...PLAIN,
    name: 'FCM_CREDENTIALS',
    meaning: 'A service account: the path of its JSON file, or the JSON itself; or `application-default`.',
    isSecret: true,
    isPerSource: true,
  },
  {
    ...PLAIN,
    name: 'FCM_PROJECT_ID',
    meaning: "The Firebase project, if it is not the service account's; required with `application-default`.",
    isPerSource: true,
  },
  {
    ...PLAIN,
    name: 'FCM_MESSAGES_PER_MINUTE',
    // FCM's default quota of a project: https://firebase.google.com/docs/cloud-messaging/throttling-and-quotas
    fallback: '600000',
    meaning: 'The budget of the source, shared by all hops of all its announcements.',
    isPerSource: true,
  },
  {
    ...PLAIN,
    name: 'FCM_RAMP_SECONDS',
    // https://firebase.google.com/docs/cloud-messaging/scale-fcm asks for 60 s or more.
    fallback: '60',
    meaning:
      'Ramp from zero to the full rate, as FCM asks; 0: none, except after a 429, where it counts as 60.',
  },
  {
    ...PLAIN,
    name: 'FCM_SOURCE',
    fallback: 'default',
    meaning: 'The name of the source that the variables without a source name describe.',
  },
  {
    ...PLAIN,
    name: 'FCM_TRANSPORT',
    fallback: 'http2',
    meaning:
      "`http2`: HTTP/2 connections that are kept open; `sdk`: firebase-admin's `sendEach`, which reads answers of any length whole.",
  },
  {
    ...PLAIN,
    name: 'FCM_ENDPOINT',
    fallback: 'https://fcm.googleapis.com',
    meaning: 'The address of FCM for `http2`; `http://` means HTTP/2 without TLS.',
  },
  {
    ...PLAIN,
    name: 'FCM_TIMEOUT_MS',
    // At least 10 s, says https://firebase.google.com/docs/cloud-messaging/scale-fcm . Some answers take a little longer.
    fallback: '12000',
    meaning: "How long to wait for FCM's answer to a push.",
  },
  {
    ...PLAIN,
    name: 'GOOGLE_APPLICATION_CREDENTIALS',
    meaning:
      "The path of a credentials file, as for Google's own clients; used if `FCM_CREDENTIALS` is absent.",
  },
  {
    ...PLAIN,
    name: 'GOOGLE_CLOUD_PROJECT',
    meaning: "The Firebase project, as for Google's own clients; used if `FCM_PROJECT_ID` is absent.",
  },
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
    fallback: '1000',
    meaning: 'Pushes that a hop may have in flight or unrecorded at a time; a crash may repeat as many.',
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
      'The tick deletes the deliveries of announcements that ended so many days ago, and messages that were sent at once before that; 0: nothing is deleted.',
  },
  {
    ...PLAIN,
    name: 'QUEUE_REFUSED',
    fallback: 'return',
    meaning:
      'What becomes of an SQS record that can never be sent: `return` (to the queue, which moves it to its dead-letter queue) or `drop`.',
  },
  {
    ...PLAIN,
    name: 'API_TOKEN',
    meaning:
      'The tokens that callers of the HTTP API may use, separated by commas or line breaks: at least 24 characters each. A token alone may do everything; `app:devices:TOKEN` has a name and only the scopes `devices`, `read`, `send` (joined by `+`) or `admin`.',
    isSecret: true,
    isForWorkers: false,
  },
  {
    ...PLAIN,
    name: 'API_AUTH',
    fallback: 'token',
    meaning:
      "`gateway`: the HTTP API also accepts callers that the gateway's own authorizer (IAM or JWT) has let through, for what `API_GATEWAY_GRANTS` gives them.",
    isForWorkers: false,
  },
  {
    ...PLAIN,
    name: 'API_GATEWAY_GRANTS',
    meaning:
      'The scopes of callers behind a gateway, separated by commas: `scope:NAME=send` for a scope of a JWT, `group:NAME=read+send` for a Cognito group, `arn:aws:sts::123456789012:assumed-role/back-end/*=admin` for IAM. Empty: no scopes.',
    isForWorkers: false,
  },
  {
    ...PLAIN,
    name: 'API_BASE_PATH',
    meaning:
      'Path prefix to strip, such as `/baton`, if the gateway adds one before the routes of the HTTP API.',
    isForWorkers: false,
  },
  {
    ...PLAIN,
    name: 'RECORDS_MAY_START',
    meaning:
      'What the records of an SNS topic and the events of an EventBridge bus may start: `announcements`, `scan`, `doctor`, separated by commas. Empty: nothing; they only send messages.',
  },
  {
    ...PLAIN,
    name: 'NODE_EXTRA_CA_CERTS',
    meaning: 'The path of a PEM file with further certificate authorities; Node itself reads it.',
  },
] as const satisfies readonly Variable[];

export type VariableName = (typeof VARIABLES)[number]['name'];

/** Google's client reads more variables than the list has; all their names begin with one of these prefixes. */
const GOOGLE_PREFIXES = ['GOOGLE_', 'GCLOUD_'] as const;

/** The suffix of a variable's name that names a further source. */
const SOURCE_SUFFIX = /^_[A-Z0-9_]+$/;

/** Finds the variable of a name. A per-source name has a suffix, such as `_SHOP_B`. Null: the list has no such variable. */
export function findVariable(name: string): { variable: Variable; suffix: string } | null {
  for (const variable of VARIABLES) {
    if (name === variable.name) return { variable, suffix: '' };
    const suffix = name.startsWith(variable.name) ? name.slice(variable.name.length) : '';
    if (variable.isPerSource && SOURCE_SUFFIX.test(suffix)) return { variable, suffix };
  }
  return null;
}

/** True for a variable that the local workers get. */
export function isForWorkers(name: string): boolean {
  const variable = findVariable(name)?.variable;
  return variable?.isForWorkers ?? GOOGLE_PREFIXES.some((prefix) => name.startsWith(prefix));
}

/** The variables as a Markdown table, for the documentation. */
export function configurationTable(): string {
  const rows = VARIABLES.map(({ name, fallback, meaning, isSecret, isPerSource }: Variable) => [
    isPerSource ? `\`${name}\`, \`${name}_NAME\`` : `\`${name}\``,
    fallback === '' ? '' : `\`${fallback}\``,
    isSecret ? `${meaning} Secret.` : meaning,
  ]);
  const all = [['variable', 'default', 'meaning'], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const [head = '', ...lines] = all.map(
    (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`,
  );
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [head, rule, ...lines].join('\n');
}
