import type { Lookups } from '../model/traits.ts';
import { PushError } from '../errors.ts';
import type { NewDevice } from '../model/device.ts';
import { describeFileError } from './file-error.ts';
import { refuse } from './options.ts';
import type { Mismatch } from './text-lines.ts';

/** `DeviceLine` is one device of a file. */
export interface DeviceLine {
  /** Number of the first line of the device's row in the file. */
  readonly line: number;
  /**
   * The device; or why its row is not valid, a text that never has the target, which is enough to push to the device; or why
   * a valid row is left out.
   */
  readonly device: NewDevice | string | LeftOut;
  /** The values that the device is imported without. */
  readonly drops?: readonly Drop[];
}

/** `LeftOut` is a row that another service has and FCM cannot send to. */
export interface LeftOut {
  /** Why, in the plural: `APNs tokens`. Rows are counted by it. */
  readonly leftOut: string;
}

/** `Drop` is an optional value that is not valid. It has nothing of the value, which may be a secret in the wrong column. */
export interface Drop {
  readonly field: string;
  readonly expected: string;
  /** How the device is imported then; absent: without the field. */
  readonly result?: string;
}

export interface DeviceFile {
  readonly rows: AsyncIterable<DeviceLine>;
  /** What was found out about the file so far; empty for UTF-8 with commas and Baton's own names of columns. */
  readonly describe: () => string;
}

/** How the rows of a file are read. */
export interface Reading {
  /** True: targets that do not look like FCM's are valid too. */
  readonly force: boolean;
  /** The lookups of this file, which remember its locales and zones. */
  readonly lookups: Lookups;
}

export function isLeftOut(device: DeviceLine['device']): device is LeftOut {
  return typeof device === 'object' && 'leftOut' in device;
}

/** `guard` turns the errors of reading the file into a PushError('BAD_INPUT'). */
export async function guard<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof PushError) throw cause;
    throw refuse('FILE', 'a file that can be read', describeFileError(cause));
  }
}

export function describeMismatch({ field, expected, got }: Mismatch & { readonly field?: string }): string {
  return `${field === undefined ? '' : `${field}: `}expected ${expected}, got ${got}`;
}
