import * as z from 'zod';
import type { Context } from '../context.ts';
import { type Problem, PushError } from '../errors.ts';
import { type DeviceRecord, isNullWord, MAX_TARGET_LENGTH, type TestName } from '../model/device.ts';
import { showNumber } from '../show.ts';

/** A test send is for a few phones: a wrong name must not become a broadcast. */
export const MAX_TEST_DEVICES = 100;

const NAMES = 'a token, device:ID, member:ID or test';
const TARGET = new RegExp(`^[\\x21-\\x7e]{1,${MAX_TARGET_LENGTH}}$`);
const ID = /^[1-9]\d{0,14}$/;

/** Names of the devices of a test send, in a request. */
export const testNamesSchema = z
  .array(
    z
      .string({ error: NAMES })
      .refine((text) => parseTestName(text) !== null, { error: NAMES })
      .transform((text) => parseTestName(text) ?? TEST),
    { error: `a list of names: ${NAMES}` },
  )
  .min(1, { error: `a list of names: ${NAMES}` })
  .max(MAX_TEST_DEVICES, { error: `at most ${MAX_TEST_DEVICES} names` });

const TEST: TestName = { kind: 'test' };

/** `parseTestName` reads `test`, `device:ID`, `member:ID` or a token; null: it is none of them. */
export function parseTestName(text: string): TestName | null {
  if (text === 'test') return TEST;
  const [, prefix, rest = ''] = /^(device|member):(.*)$/su.exec(text) ?? [];
  if (prefix === 'device') return ID.test(rest) ? { kind: 'id', deviceId: Number(rest) } : null;
  if (prefix === 'member') {
    return rest === '' || isNullWord(rest) ? null : { kind: 'member', memberId: rest };
  }
  // A bare number is the id of a device: no token is made of a few digits.
  return TARGET.test(text) && !ID.test(text) && !isNullWord(text) ? { kind: 'target', target: text } : null;
}

/** `refuseTestName` is the error for a text that is no such name. Whatever it is, it may be a token: only a number is shown. */
export function refuseTestName(field: string, text: string): PushError {
  return PushError.of('BAD_INPUT', [{ field, expected: NAMES, got: showNumber(text) }]);
}

/**
 * The devices that these names have, each once, by id. PushError('NO_SUCH_DEVICE') says which name has no device that gets
 * pushes, and why; ('BAD_INPUT') if there are too many.
 */
export async function findTestDevices(
  { store }: Pick<Context, 'store'>,
  names: readonly TestName[],
): Promise<DeviceRecord[]> {
  const found = new Map<number, DeviceRecord>();
  const problems: Problem[] = [];
  for (const [nth, name] of names.entries()) {
    const devices = await store.findDevices(name, MAX_TEST_DEVICES + 1);
    const registered = devices.filter(({ unregisteredAt }) => unregisteredAt === null);
    if (registered.length === 0) problems.push(describeAbsence(`to.${nth}`, name, devices));
    for (const device of registered) found.set(device.deviceId, device);
  }
  if (problems.length > 0) throw PushError.of('NO_SUCH_DEVICE', problems);
  if (found.size > MAX_TEST_DEVICES) {
    const got = 'names of more devices';
    throw PushError.of('BAD_INPUT', [{ field: 'to', expected: `at most ${MAX_TEST_DEVICES} devices`, got }]);
  }
  return [...found.values()].toSorted((one, other) => one.deviceId - other.deviceId);
}

function describeAbsence(field: string, name: TestName, devices: readonly DeviceRecord[]): Problem {
  const got = `${devices.length === 0 ? 'no device' : 'only unregistered devices'} ${describeName(name)}`;
  const expected =
    devices.length > 0
      ? 'a device that gets pushes (its app has to register again)'
      : name.kind === 'test'
        ? 'a device with is_test = 1 in push_device (register a phone by POST /devices with "isTest": true)'
        : 'a device in push_device (register it by POST /devices, or add it by `baton import`)';
  return { field, expected, got };
}

/** A target is never shown. */
function describeName(name: TestName): string {
  switch (name.kind) {
    case 'test':
      return 'with is_test = 1';
    case 'id':
      return `with the id ${name.deviceId}`;
    case 'target':
      return 'with this token';
    case 'member':
      return 'of this member';
  }
}
