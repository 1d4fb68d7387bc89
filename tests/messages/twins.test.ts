import { expect, test } from 'vitest';
import { withoutTwins } from '../../src/messages/pushes.ts';
import type { Device } from '../../src/model/device.ts';
import type { Message } from '../../src/model/message.ts';
import { draft } from '../support/context.ts';

const FID = 'fid'.padEnd(22, 'x');
const token: Device = { deviceId: 5, target: `${FID}:APA91b`, targetKind: 'token' };
const idsOf = (fidId: number, more: Partial<Message> = {}, recorded?: ReadonlyMap<number, unknown>) => {
  const fid: Device = { deviceId: fidId, target: FID, targetKind: 'fid' };
  const message: Message = {
    ...{ messageId: 1, content: draft.content, problem: null, ttlSeconds: null, expiresInMs: null },
    ...{ devices: [token, fid], ...more },
  };
  return withoutTwins(message, recorded).devices.map(({ deviceId }) => deviceId);
};

test('a message goes to a token too, if its FID is no later device, gets no push, or the ledger has the token', () => {
  expect(idsOf(6)).toEqual([6]);
  expect(idsOf(4)).toEqual([5, 4]);
  expect(idsOf(6, { filled: new Map([[6, { refusal: 'NO_VALUE' }]]) })).toEqual([5, 6]);
  expect(idsOf(6, {}, new Map([[5, {}]]))).toEqual([5, 6]);
  expect(idsOf(6, {}, new Map([[6, {}]]))).toEqual([6]);
});
