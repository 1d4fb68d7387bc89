import { PushError } from '../errors.ts';
import type { NewDevice } from '../model/device.ts';
import type { Store } from '../store.ts';
import type { LedgerPart } from './ledger-lines.ts';
import { memberOf } from './messages.ts';
import type { RehearsalOptions } from './options.ts';

const TARGET_PREFIX = 'rehearsal-';
/** Registration tokens of real phones have 142 to 163 characters. */
const TARGET_LENGTH = 142;
const DEVICES_PER_STATEMENT = 2000;

/**
 * `seedDevices` adds the made-up devices. It accepts an empty database, or one with exactly the devices that an earlier
 * rehearsal with this seed added; otherwise it throws PushError('BAD_INPUT').
 */
export async function seedDevices(
  store: Store,
  { devices, seed }: Pick<RehearsalOptions, 'devices' | 'seed'>,
): Promise<void> {
  const [first] = await store.fetchDevices(0, 1);
  if (first && !first.target.startsWith(TARGET_PREFIX)) {
    const got = `one with ${await store.countDevices()} devices`;
    throw refuse('--database', 'one without real devices in it', got);
  }
  for (let added = 0; added < devices; added += DEVICES_PER_STATEMENT) {
    const count = Math.min(DEVICES_PER_STATEMENT, devices - added);
    await store.addDevices(Array.from({ length: count }, (_, nth) => makeDevice(seed, added + nth)));
  }
  const total = await store.countDevices();
  if (total === devices) return;
  throw refuse(
    '--database',
    `one that is empty, or has exactly these ${devices} devices`,
    `one with ${total}`,
  );
}

function makeDevice(seed: number, nth: number): NewDevice {
  return {
    target: `${TARGET_PREFIX}${seed}-${nth}:`.padEnd(TARGET_LENGTH, 'APA91b'),
    targetKind: 'token',
    memberId: memberOf(nth),
  };
}

export async function createAnnouncements(
  store: Store,
  {
    announcements,
    guarantee,
    lanes,
    seed,
  }: Pick<RehearsalOptions, 'announcements' | 'guarantee' | 'lanes' | 'seed'>,
): Promise<LedgerPart[]> {
  const content = {
    title: 'Rehearsal',
    body: 'Sent to the sandbox only',
    image: null,
    data: { seed: String(seed) },
    options: {},
  };
  const all: LedgerPart[] = [];
  for (let nth = 1; nth <= announcements; nth++) {
    const announcementId = await store.createAnnouncement({
      source: 'default',
      guarantee,
      ttlSeconds: null,
      dryRun: false,
      lanes,
      content,
    });
    all.push({ announcementId, audience: 'devices' });
  }
  return all;
}

/** `fetchUnfinished` finds what a killed rehearsal left; PushError('BAD_INPUT') if there is nothing. */
export async function fetchUnfinished(
  store: Store,
  { announcements }: Pick<RehearsalOptions, 'announcements'>,
): Promise<LedgerPart[]> {
  const unfinished = await store.fetchUnfinished(announcements);
  if (unfinished.length > 0) return unfinished;
  throw refuse('--resume', 'a database with an unfinished rehearsal', 'one without');
}

function refuse(field: string, expected: string, got: string): PushError {
  return PushError.of('BAD_INPUT', [{ field, expected, got }]);
}
