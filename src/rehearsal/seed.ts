import { PushError } from '../errors.ts';
import type { NewDevice } from '../model/device.ts';
import type { Store } from '../store.ts';
import type { LedgerPart } from './ledger-lines.ts';
import { BODY, TARGET_PREFIX } from './made-up.ts';
import { memberOf } from './messages.ts';
import type { RehearsalOptions } from './options.ts';

/** Registration tokens of real phones have 142 to 163 characters. */
const TARGET_LENGTH = 142;
const DEVICES_PER_STATEMENT = 2000;

/** `seedDevices` adds the made-up devices. Those that an earlier rehearsal with this seed added receive pushes again. */
export async function seedDevices(
  store: Pick<Store, 'addDevices'>,
  { devices, seed }: Pick<RehearsalOptions, 'devices' | 'seed'>,
): Promise<void> {
  for (let added = 0; added < devices; added += DEVICES_PER_STATEMENT) {
    const count = Math.min(DEVICES_PER_STATEMENT, devices - added);
    await store.addDevices(Array.from({ length: count }, (_, nth) => makeDevice(seed, added + nth)));
  }
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
    body: BODY,
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
  const expected = 'a database with an unfinished rehearsal';
  throw PushError.of('BAD_INPUT', [{ field: '--resume', expected, got: 'one without' }]);
}
