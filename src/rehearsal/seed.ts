import { PushError } from '../errors.ts';
import type { NewDevice } from '../model/device.ts';
import { PLATFORMS } from '../model/filter.ts';
import type { Store } from '../store.ts';
import type { LedgerPart } from './ledger-lines.ts';
import { BODY, TARGET_PREFIX } from './made-up.ts';
import { memberOf } from './messages.ts';
import type { RehearsalOptions } from './options.ts';
import { makePhoneRow } from './phones.ts';

/** Registration tokens of real phones have 142 to 163 characters. */
const TARGET_LENGTH = 142;
const DEVICES_PER_STATEMENT = 2000;

/** `seedDevices` adds the made-up devices. Those that an earlier rehearsal with this seed added receive pushes again. */
export async function seedDevices(
  store: Pick<Store, 'addDevices'>,
  options: Pick<RehearsalOptions, 'devices' | 'seed' | 'audience'> &
    Partial<Pick<RehearsalOptions, 'migrate' | 'mislabel'>>,
): Promise<void> {
  const { devices, seed, audience, migrate = 0, mislabel = 0 } = options;
  for (let added = 0; added < devices; added += DEVICES_PER_STATEMENT) {
    const count = Math.min(DEVICES_PER_STATEMENT, devices - added);
    const made = Array.from({ length: count }, (_, nth) => ({
      ...makeDevice(seed, added + nth),
      ...(migrate + mislabel > 0 ? makePhoneRow({ seed, mislabel }, added + nth) : {}),
    }));
    // A broadcast to all devices does not read what they say.
    await store.addDevices(
      audience === null ? made : made.map((device, nth) => ({ ...device, ...makeTraits(added + nth) })),
    );
  }
}

function makeDevice(seed: number, nth: number): NewDevice {
  return {
    target: `${TARGET_PREFIX}${seed}-${nth}:`.padEnd(TARGET_LENGTH, 'APA91b'),
    targetKind: 'token',
    memberId: memberOf(nth),
  };
}

/** What a made-up device says about itself, for conditions of an audience. */
function makeTraits(
  nth: number,
): Pick<NewDevice, 'platform' | 'locale' | 'timeZone' | 'appVersion' | 'tags'> {
  const pick = <T>(values: readonly [T, ...T[]], every: number): T =>
    values[Math.floor(nth / every) % values.length] ?? values[0];
  return {
    platform: pick(PLATFORMS, 1),
    locale: pick(['en', 'de', 'de-CH', 'fr', null], 3),
    timeZone: pick(['Europe/Berlin', 'America/New_York', 'Asia/Tokyo', null], 5),
    appVersion: pick(['4.9.0', '4.10.0', '5.0.1'], 7),
    tags: { plan: pick(['free', 'free', 'free', 'pro'], 2) },
  };
}

export async function createAnnouncements(
  store: Store,
  {
    announcements,
    guarantee,
    lanes,
    seed,
    audience: filter,
  }: Pick<RehearsalOptions, 'announcements' | 'guarantee' | 'lanes' | 'seed' | 'audience'>,
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
      filter,
    });
    all.push({ announcementId, audience: 'devices', filter });
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
