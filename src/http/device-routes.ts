import * as z from 'zod';
import { PushError } from '../errors.ts';
import { memberSchema } from '../messages/parse.ts';
import { isNullWord, MAX_TARGET_LENGTH, type NewDevice, TARGET_KINDS } from '../model/device.ts';
import { makeRoute, type Route } from './route.ts';

const TARGET = `1 to ${MAX_TARGET_LENGTH} visible ASCII characters`;

const NO_NULL_WORD = 'a target, and no word for the absence of one';

const target = z
  .string({ error: TARGET })
  .max(MAX_TARGET_LENGTH, { error: TARGET })
  .regex(/^[\x21-\x7e]+$/, { error: TARGET });

const device = z
  .strictObject(
    {
      target: target.refine((text) => !isNullWord(text), { error: NO_NULL_WORD }),
      kind: z.enum(TARGET_KINDS, { error: TARGET_KINDS.join(' or ') }).default('token'),
      memberId: memberSchema.nullish(),
    },
    { error: 'no such field' },
  )
  .transform(({ target: text, kind, memberId }): NewDevice => ({
    target: text,
    targetKind: kind,
    ...(memberId === undefined ? {} : { memberId }),
  }));

const register = makeRoute({
  method: 'POST',
  path: '/devices',
  summary: 'Register a device or renew it; an app may do this at every start.',
  scope: 'devices',
  body: device,
  replies: { 200: { description: 'The device is registered.', body: z.object({ deviceId: z.int() }) } },
  run: async ({ store }, { body }) => ({ status: 200, body: { deviceId: await store.registerDevice(body) } }),
});

const remove = makeRoute({
  method: 'DELETE',
  path: '/devices/{target}',
  summary: 'Delete a device.',
  scope: 'devices',
  params: z.object({ target }),
  replies: { 204: { description: 'The device is deleted.', body: null } },
  async run({ store }, { params }) {
    if (await store.removeDevice(params.target)) return { status: 204, body: null };
    const got = `${params.target.length} characters`;
    throw PushError.of('NO_SUCH_DEVICE', [{ field: 'target', expected: 'the target of a device', got }]);
  },
});

export const DEVICE_ROUTES: readonly Route[] = [register, remove];
