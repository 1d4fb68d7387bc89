import type { DeviceFile, Reading } from '../device-line.ts';
import { readCountly } from './countly.ts';
import { readFirebase } from './firebase.ts';
import { readOneSignal } from './onesignal.ts';
import { readPinpoint } from './pinpoint.ts';

/** The services whose exports can be imported. */
export const MOVER_NAMES = ['onesignal', 'pinpoint', 'countly', 'firebase'] as const;
export type MoverName = (typeof MOVER_NAMES)[number];

/** How the export of each service is read, a file that comes in chunks of bytes. */
export const MOVERS: Readonly<
  Record<MoverName, (chunks: AsyncIterable<Buffer>, reading: Reading) => Promise<DeviceFile>>
> = {
  onesignal: readOneSignal,
  pinpoint: readPinpoint,
  countly: readCountly,
  firebase: readFirebase,
};
