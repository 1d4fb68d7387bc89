import { expect, test } from 'vitest';
import type { Notice, StandingNotice } from '../../src/model/notice.ts';
import { examineRadar } from '../../src/radar/examine.ts';
import { RADAR_PARTS } from '../../src/radar/parts.ts';
import { withoutOwnProcess, withStanding } from '../../src/radar/standing.ts';
import { makeDiscovery } from '../../src/rehearsal/fcm/discovery.ts';
import { DAY, makeTools, TODAY } from './tools.ts';

const notice: Notice = {
  name: 'discovery:message.android.ttl',
  level: 'red',
  says: 'it is gone',
  remedy: 'upgrade',
  dueOn: null,
  source: 'https://example.com',
};
const standing = (more: Partial<StandingNotice>): StandingNotice => ({
  ...notice,
  ...{ noticeId: 1, check: 'radar', foundAt: 0, seenAt: 0 },
  ...more,
});

test('a quiet stack raises nothing on thirty days in a row', async () => {
  let now = TODAY;
  const tools = makeTools(() => now);
  for (; now <= TODAY + 30 * DAY; now += DAY) {
    const { notices, looks } = await examineRadar(tools);
    expect(notices).toEqual([]);
    expect(looks.filter(({ hasVerdict }) => !hasVerdict).map(({ part }) => part)).toEqual(['firebase-admin']);
  }
});

test('injected retirements are all named, the red ones first, each with a remedy and a source', async () => {
  const changes = { deprecated: ['AndroidConfig.ttl'], gone: ['WebpushFcmOptions.link'] };
  const { notices } = await examineRadar(
    makeTools(() => TODAY, {
      running: { node: 'v22.23.1', amazonLinux: '2', firebaseAdmin: '14.5.1' },
      server: { kind: 'mysql', version: '8.0.43', host: 'rds' },
      fetchDiscovery: async () => JSON.parse(makeDiscovery(changes)) as unknown,
    }),
  );
  expect(notices.map(({ level, name, dueOn }) => [level, name, dueOn])).toEqual([
    ['red', 'discovery:message.webpush.fcm_options.link', null],
    ['red', 'lifecycle:amazon-linux2', '2026-06-30'],
    ['red', 'lifecycle:rds-mysql8.0', '2026-07-31'],
    ['amber', 'discovery:message.android.ttl', null],
    ['amber', 'lifecycle:nodejs22.x', '2027-04-30'],
  ]);
  for (const { remedy, source } of notices) expect([remedy, source]).not.toContain('');
});

test('without a network and a database the radar says so, and judges what it can', async () => {
  const fail = (words: string) => () => Promise.reject(new Error(words));
  const { notices, looks } = await examineRadar(
    makeTools(() => TODAY, {
      fetchDiscovery: fail('getaddrinfo ENOTFOUND fcm.googleapis.com'),
      openStore: fail('connect ECONNREFUSED'),
    }),
  );
  expect(notices).toEqual([]);
  expect(looks.filter(({ isBlind }) => isBlind)).toEqual([
    { part: 'FCM API', hasVerdict: false, isBlind: true, says: 'getaddrinfo ENOTFOUND fcm.googleapis.com' },
    ...['database', 'answers', 'mix'].map((part) => {
      return { part, hasVerdict: false, isBlind: true, says: 'connect ECONNREFUSED' };
    }),
  ]);
});

test('what a part has found stands while the part cannot look, and no longer', () => {
  const old = [
    standing({}),
    standing({ name: 'lifecycle:mysql8.0' }),
    standing({ name: 'discovery:message.token', check: 'doctor' }),
  ];
  const looks = RADAR_PARTS.map(({ name }) => ({ part: name, hasVerdict: true, isBlind: false, says: '' }));
  const blind = looks.map((look) => (look.part === 'FCM API' ? { ...look, isBlind: true } : look));
  expect(withStanding([], looks, old)).toEqual([]);
  expect(withStanding([], blind, old)).toEqual([notice]);
  const again = { ...notice, says: 'found again' };
  expect(withStanding([again], blind, old)).toEqual([again]);
});

test('a terminal records nothing of its own Node, and leaves what stands of the function', () => {
  const looks = RADAR_PARTS.map(({ name }) => ({ part: name, hasVerdict: true, isBlind: false, says: '' }));
  const own = { ...notice, name: 'lifecycle:nodejs20.x' };
  const shared = withoutOwnProcess([own, notice], looks);
  expect(shared.notices).toEqual([notice]);
  const old = [standing({ name: 'lifecycle:nodejs24.x' }), standing({ name: 'lifecycle:base-image' })];
  expect(withStanding(shared.notices, shared.looks, old).map(({ name }) => name)).toEqual([
    notice.name,
    'lifecycle:nodejs24.x',
    'lifecycle:base-image',
  ]);
});

test('every name of a notice belongs to exactly one part', () => {
  const prefixes = RADAR_PARTS.flatMap((part) => part.prefixes);
  const overlaps = prefixes.filter((one) => prefixes.some((other) => one !== other && one.startsWith(other)));
  expect(overlaps).toEqual([]);
  expect(new Set(RADAR_PARTS.map(({ name }) => name)).size).toBe(RADAR_PARTS.length);
});
