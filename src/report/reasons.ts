import { findAdvice } from '../judge/project.ts';

/** What a reason in the ledger means, in words for a person. */
export interface ReasonWords {
  readonly meaning: string;
  /** What to do; null: nothing. */
  readonly remedy: string | null;
}

const SENT_AGAIN = 'nothing: Baton sends it again, as the guarantee of the announcement allows';
const TOO_LATE = 'nothing; if it happens often, look at the route to FCM and at FCM_TIMEOUT_MS';
const CHECK_ROUTE =
  'check the route from the function to FCM (NAT gateway, proxy, firewall, DNS): `baton doctor`';
const REDUCE = 'lower FCM_MESSAGES_PER_MINUTE to the quota of the project, or ask Google for more quota';
const FCM_STATUS = 'nothing: Baton waits and sends again; status.firebase.google.com says how FCM is';

/**
 * The meaning of each reason, and what to do. The first pattern that fits counts. Where a refusal can fail an announcement, the
 * remedy is that of judge/project.ts.
 */
const REASONS: readonly (readonly [RegExp, string, string | null])[] = [
  // FCM's own codes. https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode
  [
    /^UNREGISTERED$/,
    'the app is gone from the device, or the target has expired',
    'nothing: the device gets no further pushes until its app registers again',
  ],
  [
    /^SENDER_ID_MISMATCH$/,
    'the target belongs to another Firebase project than the credentials',
    'send it through the project that its app was built with, or let the app register again',
  ],
  [
    /^INVALID_ARGUMENT$/,
    'FCM refused the target or the message as invalid',
    'if few devices have it, their targets are not valid: remove them; if all have it, check the fields of the message',
  ],
  [/^QUOTA_EXCEEDED$/, 'the quota of the project or of the device was used up', REDUCE],
  [/^UNAVAILABLE$/, 'FCM was overloaded or down', FCM_STATUS],
  [/^(INTERNAL|UNSPECIFIED_ERROR)$/, 'FCM had an error of its own', FCM_STATUS],
  [/^THIRD_PARTY_AUTH_ERROR$/, 'FCM could not log in to APNs or to the web push service', null],
  // HTTP statuses with Google's word for the cause.
  [/_SERVICE_DISABLED$/, 'the Firebase Cloud Messaging API of the project is disabled', null],
  [
    /_(CONSUMER_INVALID|CONSUMER_SUSPENDED|RESOURCE_PROJECT_INVALID)$/,
    'Google does not serve the project',
    null,
  ],
  [/_ACCOUNT_STATE_INVALID$/, 'the service account is disabled or deleted', null],
  [/_ACCESS_TOKEN_SCOPE_INSUFFICIENT$/, 'the credentials lack a scope', null],
  [/^HTTP_400/, 'Google refused the message as invalid', null],
  [/^HTTP_401/, 'Google refused the access token', null],
  [/^HTTP_403/, 'Google refused the service account', null],
  [/^HTTP_404/, 'Google does not know the project', null],
  [/^HTTP_408/, 'FCM did not receive the message in time', FCM_STATUS],
  [/^HTTP_429/, 'the quota of the project was used up', REDUCE],
  [/^HTTP_5\d\d/, 'FCM was overloaded or down', FCM_STATUS],
  // What Baton says in the place of FCM.
  [/^NO_ACCESS_TOKEN$/, 'Google gave no access token in time', CHECK_ROUTE],
  [/^NO_CONNECTION/, 'there was no connection to FCM', CHECK_ROUTE],
  [/^(TIMEOUT|app\/network-timeout)$/, 'FCM did not answer within FCM_TIMEOUT_MS', TOO_LATE],
  [/^LATE$/, 'the answer had not arrived when its invocation ended', SENT_AGAIN],
  [
    /^IN_FLIGHT$/,
    'the push was being sent when its invocation was killed; FCM may have accepted it',
    'nothing: at-most-once never sends it again',
  ],
  [/^NOT_SENT$/, 'the push was not sent: the time ran out, or the announcement stopped', SENT_AGAIN],
  [/^NO_ANSWER$/, 'the connection ended before FCM answered; FCM may have accepted it', SENT_AGAIN],
  [/^(RESET_\w*|REFUSED_STREAM)$/, 'FCM closed the connection before it answered', SENT_AGAIN],
  [
    /^UNREADABLE_REPLY$/,
    'the answer was not one of FCM; it may have accepted the message',
    'check that FCM_ENDPOINT is FCM, and that no proxy answers in its place',
  ],
  [
    /^NO_DEVICE$/,
    'the recipient has no device that receives pushes',
    "register the member's device: `POST /devices`, or `baton import`",
  ],
  [
    /^BAD_DEVICE$/,
    'the row of the device has no target, or an unknown target_kind',
    'correct the row in push_device',
  ],
  [
    /^BAD_CONTENT$/,
    'the row of the message cannot be sent',
    'correct what makes the messages: the log names the column',
  ],
  [
    /^TEMPLATE_VARIABLE$/,
    'the template uses a variable that is not known of the member or the device',
    'give the variable a default: {{ name | default: "there" }}; `baton lint ID` names it',
  ],
  [
    /^TEMPLATE_ERROR$/,
    'the template could not be filled in: a filter failed, or it takes too many steps',
    'correct the template; `baton lint ID` shows devices that it fails for',
  ],
  [
    /^TEMPLATE_EMPTY$/,
    'the title and the text of the template are empty for the device',
    'nothing, if it is meant so; otherwise give the text an {% else %}',
  ],
  [
    /^MESSAGE_TOO_BIG$/,
    "the device's message has more than the 4,096 bytes that FCM takes",
    'shorten what the template fills in: {{ name | truncate: 40 }}; `baton lint ID` counts the devices',
  ],
  [
    /^NO_TEMPLATE$/,
    'there is no template with the name that the message has, or none that can be read',
    'set it: `PUT /templates/NAME`; if it is there, the log says what is wrong with it',
  ],
  [/^TARGET_REPLACED$/, 'the phone got another token or FID while the push was on its way', SENT_AGAIN],
  [
    /^WRONG_KIND$/,
    'the row says `fid` of a token, or `token` of a FID; it says the other by now',
    SENT_AGAIN,
  ],
  [/^NO_BUDGET$/, 'the budget had no room within the time of the invocation', SENT_AGAIN],
  [
    /^KEY_REUSED$/,
    'an earlier message with other content has the same key',
    'give each message a key of its own',
  ],
  [/^UNWRITABLE_REPLY$/, 'the answer could not be written to the ledger', 'see the log of the function'],
  [
    /^OTHER$/,
    'further reasons, which are counted together',
    '`baton status ID --list VERDICT` lists them by device',
  ],
  [/^(app|messaging)\//, 'firebase-admin reports this error', null],
];

/** `explainReason` says what a reason means and what to do. An unknown reason is FCM's own, which is newer than this table. */
export function explainReason(reason: string): ReasonWords {
  const [, meaning, remedy] = REASONS.find(([pattern]) => pattern.test(reason)) ?? [];
  return {
    meaning: meaning ?? 'an error that Baton does not know',
    remedy: remedy ?? findAdvice([reason]) ?? (meaning === undefined ? FIND_OUT : null),
  };
}

const FIND_OUT =
  'look it up in the documentation of FCM: https://firebase.google.com/docs/cloud-messaging/error-codes';
