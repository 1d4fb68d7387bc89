/**
 * What Baton uses of FCM's API, as it was when this release was built. The radar reports only what has changed since.
 * The names are those that Baton sends; the discovery document has them in camelCase.
 */
export interface KnownField {
  /** What it is for: an option of an announcement, or a setting. */
  readonly use: string;
  /** True: FCM had deprecated it already, and the pages of this release say what to do. */
  readonly isDeprecated?: boolean;
  /** True: each message has it. */
  readonly isRequired?: boolean;
  /** The values of an enum that Baton sends. */
  readonly values?: readonly string[];
  /** The fields of it that Baton sends or reads. */
  readonly fields?: KnownFields;
  /** What to do when it is deprecated or gone; absent: the remedy of any field. */
  readonly remedy?: string;
}

export type KnownFields = Readonly<Record<string, KnownField>>;

/** The method that sends a message: where the discovery document has it, and how it is called. */
export const SEND_METHOD = {
  name: 'projects.messages.send',
  httpMethod: 'POST',
  /** Each parameter in braces is `{}`. */
  path: 'v1/projects/{}/messages:send',
} as const;

const TO_FIDS = 'move the devices from tokens to FIDs: see docs/devices.md';

/** The request, and what is read of its answer. */
export const KNOWN_REQUEST: KnownFields = {
  validate_only: { use: 'dry runs, and the doctor' },
  message: {
    use: 'every push',
    isRequired: true,
    fields: {
      token: { use: 'devices with a registration token', isDeprecated: true, remedy: TO_FIDS },
      fid: { use: 'devices with a FID' },
      topic: { use: 'the target topic' },
      condition: { use: 'the target condition' },
      data: { use: 'the field data' },
      notification: {
        use: 'title and body',
        fields: {
          title: { use: 'the field title' },
          body: { use: 'the field body' },
          image: { use: 'the field image' },
        },
      },
      android: {
        use: 'pushes to Android',
        fields: {
          collapse_key: { use: 'one notification on the phone if a push is repeated' },
          ttl: { use: 'the option ttlSeconds' },
          priority: { use: 'the option priority', values: ['NORMAL', 'HIGH'] },
          notification: {
            use: 'notifications on Android',
            fields: {
              tag: { use: 'one notification on the phone if a push is repeated' },
              click_action: { use: 'the option clickAction' },
              sound: { use: 'the option sound' },
              notification_count: { use: 'the option badge' },
            },
          },
        },
      },
      apns: {
        use: 'pushes to iOS',
        fields: {
          headers: { use: 'expiry, priority and collapsing on iOS' },
          payload: { use: 'sound, badge and category on iOS' },
        },
      },
      webpush: {
        use: 'pushes to the web',
        fields: {
          headers: { use: 'expiry and priority on the web' },
          notification: { use: 'one notification in the browser if a push is repeated' },
          fcm_options: { use: 'links on the web', fields: { link: { use: 'the option link' } } },
        },
      },
      fcm_options: {
        use: 'labels for analytics',
        fields: { analytics_label: { use: 'the option analyticsLabel' } },
      },
    },
  },
};

/** What Baton reads of the answer to a message that was accepted. */
export const KNOWN_RESPONSE: KnownFields = {
  name: { use: 'to know that FCM has accepted a push', isRequired: true },
};
