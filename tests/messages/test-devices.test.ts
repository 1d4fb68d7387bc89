import { expect, test } from 'vitest';
import { parseTestName, refuseTestName } from '../../src/messages/test-devices.ts';

test.each([
  ['test', { kind: 'test' }],
  ['device:42', { kind: 'id', deviceId: 42 }],
  ['member:4711', { kind: 'member', memberId: '4711' }],
  ['member:a:b c', { kind: 'member', memberId: 'a:b c' }],
  ['abc:DEF_1-2', { kind: 'target', target: 'abc:DEF_1-2' }],
  ['tests', { kind: 'target', target: 'tests' }],
])('%s names devices', (text, name) => {
  expect(parseTestName(text)).toEqual(name);
});

test.each([
  '',
  '42',
  'device:',
  'device:0',
  'device:x',
  'member:',
  'member:null',
  'two words',
  'ä',
  'NULL',
  'x'.repeat(513),
])('no name of a device: %s', (text) => {
  expect(parseTestName(text)).toBeNull();
});

test('the error for a name shows a number, and never a text, which may be a token', () => {
  expect(refuseTestName('--to', '42').message).toBe(
    '--to: expected a token, device:ID, member:ID or test, got "42"',
  );
  expect(refuseTestName('--to', 'two words').message).toContain('got 9 characters');
});
