import { PLAIN, type Variable } from './variable.ts';

/** The variables of FCM and of the sources, and those of Google's own clients. */
export const FCM_VARIABLES = [
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
    name: 'FCM_ANDROID_APPS',
    meaning:
      "The ids of the project's Android apps, separated by commas: the radar fetches what FCM's Data API says of their deliveries once a day. Empty: it is not asked.",
    isPerSource: true,
  },
  {
    ...PLAIN,
    name: 'FCM_DATA_ENDPOINT',
    fallback: 'https://fcmdata.googleapis.com',
    meaning: "The address of FCM's Data API.",
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
] as const satisfies readonly Variable[];
