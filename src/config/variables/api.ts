import { PLAIN, type Variable } from './variable.ts';

/** The variables of what reaches Baton from outside. */
export const API_VARIABLES = [
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
    name: 'RECEIPTS',
    fallback: 'off',
    meaning:
      '`on`: every push carries the data key `baton_id`, and apps may report with it, without a token of the API, that they have received or opened the push: `POST /receipts`.',
  },
] as const satisfies readonly Variable[];
