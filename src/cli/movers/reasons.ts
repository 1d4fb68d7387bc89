/** Why rows of another service's export are left out, as the report has it. Rows are counted by these words. */
export const LEFT_OUT = {
  apns:
    'APNs tokens, which FCM does not accept: these devices come when their app registers with FCM, or once ' +
    "Google's batchImport has made registration tokens of them",
  otherPush: 'tokens of Amazon, Baidu, Huawei, Windows and others, which FCM does not accept',
  webPush: 'web push subscriptions, which belong to the key of the service that made them',
  noDevice: 'e-mail addresses, phone numbers and other channels that are no devices',
  optedOut: 'opted out of pushes',
  inactive: 'marked as invalid by the service: their tokens were refused',
  noToken: 'without a token',
} as const;

export type Reason = (typeof LEFT_OUT)[keyof typeof LEFT_OUT];
