/** What the sandbox's discovery document has otherwise than FCM's: properties by `Schema.property`. */
export interface DiscoveryChanges {
  readonly deprecated?: readonly string[];
  readonly gone?: readonly string[];
  readonly required?: readonly string[];
}

/** Where FCM describes its own API; it needs no access token. */
export const DISCOVERY_PATH = '/$discovery/rest?version=v1';

/** The messages that the sandbox accepts, as FCM describes them: the properties of each schema, and the schemas they refer to. */
const SCHEMAS: Readonly<Record<string, readonly string[]>> = {
  SendMessageRequest: ['message:Message', 'validateOnly'],
  Message: [
    'name',
    'token',
    'fid',
    'topic',
    'condition',
    'data',
    'notification:Notification',
    'android:AndroidConfig',
    'apns:ApnsConfig',
    'webpush:WebpushConfig',
    'fcmOptions:FcmOptions',
  ],
  Notification: ['title', 'body', 'image'],
  AndroidConfig: ['collapseKey', 'priority', 'ttl', 'data', 'notification:AndroidNotification'],
  AndroidNotification: ['title', 'body', 'tag', 'clickAction', 'sound', 'notificationCount', 'channelId'],
  ApnsConfig: ['headers', 'payload'],
  WebpushConfig: ['headers', 'data', 'notification', 'fcmOptions:WebpushFcmOptions'],
  WebpushFcmOptions: ['link', 'analyticsLabel'],
  FcmOptions: ['analyticsLabel'],
};

/** FCM has deprecated registration tokens in favour of FIDs, and accepts both. */
const DEPRECATED: readonly string[] = ['Message.token'];

const PRIORITIES = ['NORMAL', 'HIGH'];

/** Makes the description of the API in the format of https://developers.google.com/discovery/v1/reference/apis */
export function makeDiscovery({ deprecated = [], gone = [], required = [] }: DiscoveryChanges = {}): string {
  const property = (path: string, ref: string | undefined): object => ({
    ...(ref === undefined ? { type: 'string' } : { $ref: ref }),
    ...(path === 'AndroidConfig.priority' ? { enum: PRIORITIES } : {}),
    ...([...DEPRECATED, ...deprecated].includes(path) ? { deprecated: true } : {}),
    ...(required.includes(path) ? { annotations: { required: ['fcm.projects.messages.send'] } } : {}),
  });
  const added = (schema: string): string[] =>
    required.filter((path) => path.startsWith(`${schema}.`)).map((path) => path.slice(schema.length + 1));
  const schemas = Object.entries(SCHEMAS).map(([id, fields]) => {
    const names = new Map(
      [...added(id), ...fields].map((field): [string, string | undefined] => {
        const [name = '', ref] = field.split(':');
        return [name, ref];
      }),
    );
    const properties = [...names]
      .filter(([name]) => !gone.includes(`${id}.${name}`))
      .map(([name, ref]) => [name, property(`${id}.${name}`, ref)]);
    return [id, { id, type: 'object', properties: Object.fromEntries(properties) }];
  });
  const send = {
    id: 'fcm.projects.messages.send',
    httpMethod: 'POST',
    path: 'v1/{+parent}/messages:send',
    flatPath: 'v1/projects/{projectsId}/messages:send',
    request: { $ref: 'SendMessageRequest' },
    response: { $ref: 'Message' },
  };
  return JSON.stringify({
    kind: 'discovery#restDescription',
    id: 'fcm:v1',
    revision: '20260601',
    resources: { projects: { resources: { messages: { methods: { send } } } } },
    schemas: Object.fromEntries(schemas),
  });
}
