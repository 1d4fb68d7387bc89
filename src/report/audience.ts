import { createHash } from 'node:crypto';
import type { Context } from '../context.ts';
import { isBadRow, PushError } from '../errors.ts';
import type { DeviceFilter } from '../model/filter.ts';

const EXAMPLES = 10;

/** Enough of a hash to recognize a device by, and too little to guess its target from. */
const HASH_LENGTH = 12;

/** The devices that an announcement to an audience would be for now. */
export interface AudienceReport {
  readonly devices: number;
  /** By platform and by locale, the most devices first; null: not known. */
  readonly platforms: readonly Share[];
  readonly locales: readonly Share[];
  /** Some of the devices, with the lowest ids. */
  readonly examples: readonly Example[];
}

interface Share {
  readonly name: string | null;
  readonly devices: number;
}

interface Example {
  readonly deviceId: number;
  /** The first characters of the SHA-256 of its target, in hexadecimal. */
  readonly hash: string;
  readonly platform: string | null;
  readonly locale: string | null;
}

/** Counts an audience; null: all devices. PushError('BAD_INPUT') for a filter that the database cannot answer. */
export async function countAudience(
  { store }: Pick<Context, 'store'>,
  filter: DeviceFilter | null,
): Promise<AudienceReport> {
  const counts = await answer(store.countByTraits(filter));
  const examples = await answer(store.fetchPage(0, null, EXAMPLES, { filter, withTraits: true }));
  return {
    devices: counts.reduce((sum, { devices }) => sum + devices, 0),
    platforms: sumBy(counts.map(({ platform, devices }) => ({ name: platform, devices }))),
    locales: sumBy(counts.map(({ locale, devices }) => ({ name: locale, devices }))),
    examples: examples.map(({ deviceId, target, platform = null, locale = null }) => ({
      deviceId,
      hash: createHash('sha256').update(target).digest('hex').slice(0, HASH_LENGTH),
      platform,
      locale,
    })),
  };
}

/** What is wrong in the filter of a row is wrong in the caller's. */
async function answer<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isBadRow(error)) throw error;
    throw PushError.of(
      'BAD_INPUT',
      error.problems.map(({ field, ...rest }) => ({
        field: field.replace(/^filter\./, 'audience.'),
        ...rest,
      })),
    );
  }
}

function sumBy(shares: readonly Share[]): Share[] {
  const sums = new Map<string | null, number>();
  for (const { name, devices } of shares) sums.set(name, (sums.get(name) ?? 0) + devices);
  const all = Array.from(sums, ([name, devices]) => ({ name, devices }));
  return all.toSorted((one, other) => other.devices - one.devices);
}
