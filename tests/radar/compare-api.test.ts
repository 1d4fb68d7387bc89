import { describe, expect, test } from 'vitest';
import { restMessage } from '../../src/fcm/message.ts';
import { isObject } from '../../src/parse.ts';
import { compareApi } from '../../src/radar/compare-api.ts';
import { judgeDiscovery } from '../../src/radar/discovery.ts';
import { KNOWN_REQUEST, type KnownFields } from '../../src/radar/known-api.ts';
import { type DiscoveryChanges, makeDiscovery } from '../../src/rehearsal/fcm/discovery.ts';

interface Document {
  revision: string;
  resources: { projects: { resources: { messages: { methods: { send: Record<string, unknown> } } } } };
  schemas: Record<string, { properties: Record<string, Record<string, unknown>> }>;
}

function documentOf(changes?: DiscoveryChanges): Document {
  return JSON.parse(makeDiscovery(changes)) as Document;
}

function namesOf(document: unknown): string[] {
  return compareApi(document, 'a source').map(({ level, name }) => `${level} ${name}`);
}

function propertyOf(document: Document, schema: string, name: string): Record<string, unknown> {
  const property = document.schemas[schema]?.properties[name];
  if (!property) throw new Error(`expected ${schema}.${name}, got nothing`);
  return property;
}

test('the API for which Baton is built has no news, though its tokens are deprecated', () => {
  const document = documentOf();
  expect(document.schemas['Message']?.properties['token']).toMatchObject({ deprecated: true });
  expect(compareApi(document, 'a source')).toEqual([]);
});

test('a field that is deprecated is amber, with its use, what FCM says of it, and a remedy', () => {
  const document = documentOf({ deprecated: ['AndroidNotification.clickAction'] });
  propertyOf(document, 'AndroidNotification', 'clickAction')['description'] = 'Use\nintent instead.';
  expect(judgeDiscovery(document, 'https://fcm.example').notices).toEqual([
    {
      name: 'discovery:message.android.notification.click_action',
      level: 'amber',
      says:
        'FCM has deprecated message.android.notification.click_action, and Baton uses it (for the option clickAction); ' +
        'FCM says: "Use intent instead."',
      remedy: expect.stringMatching(/^upgrade Baton .* leave out the option clickAction/),
      dueOn: null,
      source: 'https://fcm.example/$discovery/rest?version=v1, revision 20260601',
    },
  ]);
});

test('a field that is gone is red; tokens that are gone lead to FIDs', () => {
  const [tag, token] = compareApi(
    documentOf({ gone: ['Message.token', 'AndroidNotification.tag'] }),
    '',
  ).toSorted((one, other) => one.name.localeCompare(other.name));
  expect(tag).toMatchObject({ level: 'red', name: 'discovery:message.android.notification.tag' });
  expect(token).toMatchObject({
    level: 'red',
    name: 'discovery:message.token',
    remedy: 'move the devices from tokens to FIDs: see docs/devices.md',
  });
});

test('a schema that is gone is one notice, and not one for each of its fields', () => {
  const document = documentOf();
  delete document.schemas['AndroidConfig'];
  expect(namesOf(document)).toEqual(['red discovery:message.android']);
});

test('a schema under another name is followed', () => {
  const document = documentOf();
  document.schemas['AndroidConfigV2'] = document.schemas['AndroidConfig'] ?? { properties: {} };
  delete document.schemas['AndroidConfig'];
  propertyOf(document, 'Message', 'android')['$ref'] = 'AndroidConfigV2';
  expect(namesOf(document)).toEqual([]);
});

test('a field that is newly required is red, also one that Baton knows; a required message is not news', () => {
  const changes = { required: ['Message.consent', 'Message.notification', 'SendMessageRequest.message'] };
  expect(namesOf(documentOf(changes)).toSorted()).toEqual([
    'red discovery:message.consent',
    'red discovery:message.notification',
  ]);
});

test('a priority that is gone or deprecated is named', () => {
  const document = documentOf();
  const priority = propertyOf(document, 'AndroidConfig', 'priority');
  Object.assign(priority, { enum: ['NORMAL', 'LOW'], enumDeprecated: [true, false] });
  expect(namesOf(document)).toEqual([
    'amber discovery:message.android.priority.NORMAL',
    'red discovery:message.android.priority.HIGH',
  ]);
});

test('an error code without a verdict is amber; those that Baton knows are no news', () => {
  const document = documentOf();
  const codes = ['UNREGISTERED', 'INVALID_ARGUMENT', 'THIRD_PARTY_AUTH_ERROR', 'DEVICE_RETIRED'];
  document.schemas['FcmError'] = { properties: { errorCode: { type: 'string', enum: codes } } };
  expect(namesOf(document)).toEqual(['amber discovery:error.DEVICE_RETIRED']);
});

describe('the method', () => {
  const sendOf = (document: Document) => document.resources.projects.resources.messages.methods.send;

  test.each([
    ['another path', { flatPath: 'v2/projects/{projectsId}/messages:send' }],
    ['another verb', { httpMethod: 'PUT' }],
  ])('with %s is red', (_, change) => {
    const document = documentOf();
    Object.assign(sendOf(document), change);
    expect(namesOf(document)).toEqual(['red discovery:projects.messages.send']);
  });

  test('without a flat path is known by its path', () => {
    const document = documentOf();
    delete sendOf(document)['flatPath'];
    expect(namesOf(document)).toEqual([]);
  });

  test('that is deprecated is amber, and red if it is gone', () => {
    const document = documentOf();
    sendOf(document)['deprecated'] = true;
    expect(namesOf(document)).toEqual(['amber discovery:projects.messages.send']);
    expect(namesOf({ ...document, resources: {} })).toEqual(['red discovery:projects.messages.send']);
  });
});

test.each([[null], [[]], [{}], [{ schemas: {} }], [{ error: { code: 404 } }], ['text']])(
  'what is no discovery document gives no verdict: %j',
  (document) => {
    expect(() => compareApi(document, '')).toThrow('no discovery document');
  },
);

test('names from outside are cut, so that they fit', () => {
  const document = documentOf({ required: [`Message.${'é'.repeat(300)}`] });
  const [notice] = compareApi(document, '');
  expect(notice?.name).toMatch(/^discovery:message\.[\x21-\x7e]{1,60}$/);
});

test('the radar knows every field of a message that has all options', () => {
  const options = {
    ...{ link: 'https://shop.example', clickAction: 'OPEN', sound: 'bell', badge: 3 },
    ...{ priority: 'high' as const, analyticsLabel: 'spring' },
  };
  const content = { title: 'a', body: 'b', image: 'https://shop.example/i.png', data: { a: 'b' }, options };
  const message = restMessage({ content, collapseKey: 'key', ttlSeconds: 60 }, 0);
  const unknown = (value: unknown, known: KnownFields | undefined, path: string): string[] =>
    known === undefined || !isObject(value)
      ? []
      : Object.entries(value).flatMap(([name, inner]) => {
          const field = known[name];
          return field ? unknown(inner, field.fields, `${path}.${name}`) : [`${path}.${name}`];
        });
  expect(unknown(message, KNOWN_REQUEST['message']?.fields, 'message')).toEqual([]);
  expect(Object.keys(message).length).toBeGreaterThan(4);
});
