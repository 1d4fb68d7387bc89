import { describe, expect, test } from 'vitest';
import { parseAudience } from '../../src/cli/audience-option.ts';
import type { DeviceFilter } from '../../src/model/filter.ts';
import { describeFilter } from '../../src/model/filter-words.ts';

const parse = (text: string): DeviceFilter => parseAudience(text, '--audience');

test.each<[string, DeviceFilter]>([
  ['platform=iOS,android', { platform: ['ios', 'android'] }],
  ['locale=de,zh-TW', { locale: ['de', 'zh-TW'] }],
  [
    'tag:plan=pro,plus tag:city=Oslo tag:plan=max',
    { tags: { plan: ['pro', 'plus', 'max'], city: ['Oslo'] } },
  ],
  ['version>=4.2 version<5', { appVersion: { from: '4.2', below: '5' } }],
  ['seen=270d sample=0-10%', { seenWithin: '270d', sample: '0-10%' }],
  ["member=4711,o'hara view=push_audience_vip", { memberIds: ['4711', "o'hara"], view: 'push_audience_vip' }],
  ['zone=Europe/Berlin,none test=yes', { timeZone: ['Europe/Berlin', null], isTest: true }],
  ['tag:a=b=c', { tags: { a: ['b=c'] } }],
  [' {"tags": {"city": ["New York, NY"]}} ', { tags: { city: ['New York, NY'] } }],
])('%s', (text, filter) => {
  expect(parse(text)).toEqual(filter);
});

describe('what is no audience is refused, and the error says what is expected', () => {
  test.each([
    ['', 'conditions such as platform=ios,android locale=de tag:plan=pro, or JSON, got nothing'],
    ['platform', 'conditions such as'],
    ['platform=', 'conditions such as'],
    ['platform=symbian', '--audience: platform.0: expected one of android, ios, web'],
    ['platform=ios platform=web', 'expected platform once, got twice'],
    ['language=de', 'expected platform, locale, tag:NAME, version, seen, sample, member, view, zone or test'],
    ['version=4', 'expected version>=4.2, version<5 or both'],
    ['version>=4.x', '--audience: appVersion.from: expected a version such as 4.12'],
    ['seen=9months', 'expected a number of days, such as 270d'],
    ['sample=10-0%', 'expected a share such as 0-10%'],
    ['sample=0-101%', 'expected a share such as 0-10%'],
    ['locale=de_DE', 'expected a locale such as de or zh-TW'],
    ['view=push_device;DROP', 'expected the name of a table or view'],
    ['view=`x`', 'expected the name of a table or view'],
    ['test=maybe', 'expected test=yes or test=no'],
    ['{"platform": "ios"}', '--audience: platform: expected a list of platforms'],
    ['{"tags": {}}', 'expected at least one tag'],
    ['{"colour": ["red"]}', 'expected no such filter'],
    ['{', 'expected a JSON object'],
    ['["ios"]', 'expected conditions such as'],
  ])('%s', (text, message) => {
    expect(() => parse(text)).toThrow(message);
  });
});

test('an audience in words counts members, and does not name them', () => {
  const filter = parse(
    'platform=ios,android locale=de,en,fr,it version>=4.2 version<5 tag:plan=pro member=4711,4712 sample=0-10% seen=30d ' +
      'zone=none test=no view=push_audience_vip',
  );
  expect(describeFilter(filter)).toBe(
    'ios or android; locale de, en or 2 more; version 4.2 or later; version below 5; seen within 30d; tag plan: pro; ' +
      'the devices of 2 members; the sample 0-10%; in push_audience_vip; time zone not known; no test devices',
  );
  expect(describeFilter({})).toBe('all devices');
});
