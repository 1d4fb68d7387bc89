import * as fc from 'fast-check';
import { ROUTES } from '../../src/http/routes.ts';
import type { TestRequest } from './events.ts';
import { MARK } from './secret.ts';

const FIELDS = [
  ...['title', 'body', 'announcementId', 'deviceId', 'memberId', 'target', 'kind', 'data', 'apns', 'image'],
  ...[
    'badge',
    'ttlSeconds',
    'lanes',
    'publishAt',
    'idempotencyKey',
    'source',
    'dryRun',
    '__proto__',
    'further',
    ...['topic', 'condition', 'template', 'variables'],
  ],
  ...[
    'platform',
    'locale',
    'timeZone',
    'appVersion',
    'lastSeenAt',
    'isTest',
    'isCanary',
    'tags',
    'attributes',
  ],
];

/** Requests that are nearly right, and requests that are not: each reaches another depth of the API. Some hold MARK. */
export function arbitraryRequest(token: string): fc.Arbitrary<TestRequest> {
  return fc.oneof({ weight: 1, arbitrary: nearlyRight() }, { weight: 1, arbitrary: anything(token) });
}

const TITLE = { title: 'T', body: 'B' };
const USUAL: readonly (readonly [path: string, body: object, method?: string])[] = [
  ['/push', { announcementId: 1, deviceId: 2 }],
  ['/announcements', TITLE],
  [
    '/announcements',
    { ...TITLE, publishAt: '2126-12-24T18:07:00+01:00', data: { a: 'b' }, lanes: 2, badge: 1 },
  ],
  ['/devices', { target: 'target-1', kind: 'token', memberId: 'm' }],
  [
    '/devices',
    {
      ...{
        target: 'target-2',
        platform: 'ios',
        locale: 'de_DE',
        timeZone: 'Europe/Berlin',
        appVersion: '4.2',
      },
      ...{ lastSeenAt: '2026-11-01T00:00Z', isTest: true, tags: { plan: 'pro', gone: null } },
    },
  ],
  // No other request asks for this member: its attributes may hold MARK, and a reply would have it.
  ['/members/made-up', { attributes: { nickname: 'Jo', list: [1, { deep: null }] } }, 'PUT'],
  ['/messages', { messages: [{ ...TITLE, memberId: 'm', idempotencyKey: 'k', apns: { a: 1 } }] }],
  ['/messages', { messages: [{ ...TITLE, topic: 'news' }] }],
  ['/messages', { messages: [{ template: 'ready', variables: { a: 1 }, deviceId: 1 }] }],
  ['/announcements/1/test', { to: ['device:1'], dryRun: true }],
];

/** A POST with up to two fields that are strange, missing or further. */
function nearlyRight(): fc.Arbitrary<TestRequest> {
  const changes = fc.dictionary(fc.constantFrom(...FIELDS), fc.option(strangeField(), { nil: undefined }), {
    maxKeys: 2,
  });
  return fc.tuple(fc.constantFrom(...USUAL), changes).map(([[path, usual, method = 'POST'], changed]) => ({
    ...{ path, method },
    body: writeJson(
      'messages' in usual
        ? { messages: (usual.messages as object[]).map((each) => ({ ...each, ...changed })) }
        : { ...usual, ...changed },
    ),
  }));
}

/** As text, because much of what walks values in a test goes as deep as they do. */
function writeJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /"nested (\d+)"/g,
    (_, levels: string) => '['.repeat(Number(levels)) + ']'.repeat(Number(levels)) || '0',
  );
}

function strangeField(): fc.Arbitrary<unknown> {
  const text = fc.oneof(
    fc.constantFrom('T', '', '1', 'x'.repeat(5000), '\ud800', '\u0000', MARK, `https://u:${MARK}@x`),
    fc.string(),
  );
  return fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    text,
    fc.constantFrom(0, -1, 1.5, 2 ** 53, '01', null, '2026-02-30T00:00:00Z'),
    fc.dictionary(text, text),
    // A place for lists that are nested so deep: see writeJson.
    fc.nat(20_000).map((levels) => `nested ${levels}`),
  );
}

function anything(token: string): fc.Arbitrary<TestRequest> {
  return fc.record({
    method: fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom('GET', 'POST', 'DELETE', 'HEAD', 'OPTIONS') },
      { weight: 1, arbitrary: fc.constantFrom('PUT', 'PATCH', 'TRACE', 'get', 'BREW', '', MARK) },
    ),
    path: fc.oneof({ weight: 4, arbitrary: realPath() }, { weight: 1, arbitrary: strangePath() }),
    body: fc.oneof(
      fc.json(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom(MARK, `{"target":"${MARK}`, `["${MARK}"]`),
      fc.nat(20_000).map((levels) => `{"apns":${'['.repeat(levels)}`),
    ),
    headers: fc.oneof(
      { weight: 8, arbitrary: fc.constant({}) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          { authorization: '' },
          { authorization: `bearer  ${token}` },
          { authorization: `Bearer ${MARK}` },
        ),
      },
      {
        weight: 1,
        arbitrary: fc.dictionary(
          fc.constantFrom(
            ...['content-type', 'authorization', 'content-length', 'host', '__proto__', 'x'],
            ...['cookie', 'origin', 'sec-fetch-site', 'x-page-key', 'x-forwarded-proto'],
          ),
          fc.oneof(fc.constant(MARK), fc.string({ unit: 'binary' })),
        ),
      },
    ),
  });
}

function realPath(): fc.Arbitrary<string> {
  const segment = fc.oneof(
    fc.constantFrom(
      '1',
      '2',
      '9007199254740993',
      '-1',
      '%',
      '%00',
      '%2F',
      '..',
      'target-1',
      '__proto__',
      MARK,
    ),
    fc.string({ unit: 'binary' }),
  );
  const query = fc.oneof(
    fc.constantFrom(
      '',
      '?limit=2',
      '?limit=2&limit=3',
      '?before=1',
      '?limit=%',
      '?__proto__=1',
      `?limit=${MARK}`,
      `?${MARK}=1`,
    ),
    fc.string({ unit: 'binary' }).map((text) => `?${text}`),
  );
  return fc
    .tuple(fc.constantFrom(...ROUTES.map(({ path }) => path)), segment, query)
    .map(([path, inner, rest]) => path.replace(/\{\w+\}/, () => inner) + rest);
}

function strangePath(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.constantFrom(
      '',
      '*',
      '/',
      '//',
      '/../health',
      'http://x/health',
      '/health/',
      '/announcements//',
      `/${MARK}`,
    ),
    fc.webPath(),
    fc.string({ unit: 'binary' }),
  );
}
