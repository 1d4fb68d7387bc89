import { setImmediate } from 'node:timers/promises';
import { fidOf, type NewDevice, type Target, type TargetKind } from '../model/device.ts';
import type { Store } from '../store.ts';
import { chance, drawFault, type FaultMix } from './fcm/faults.ts';
import type { Accepted } from './ledger-lines.ts';
import { TARGET_PREFIX } from './made-up.ts';

/** Registration tokens of real phones have 142 to 163 characters, and FIDs have 22. */
const TOKEN_LENGTH = 142;
const FID_LENGTH = 22;

/** Phones with neighbouring ids move together, as after a release of their app. */
const PHONES_PER_BLOCK = 1000;

/** Half of the blocks move shortly before their own pushes are due, so that these go to tokens that have just died. */
const LEAD = 1500;

const WATCH_MS = 5;
const REGISTRATIONS_AT_ONCE = 8;
const DEVICES_PER_READ = 10_000;

export interface PhoneOptions {
  readonly seed: number;
  readonly devices: number;
  /** Share of the phones that move from their token to their FID during the broadcast. */
  readonly migrate: number;
  /** Share of the phones whose row has the wrong kind. */
  readonly mislabel: number;
}

/** The phones of a rehearsal, which register with the store while the broadcast runs. */
export interface Phones {
  /** What names the phone of a target: a phone has two of them, one after the other. */
  phoneOf(target: string): string;
  /** True if FCM does not know the target as one of this kind any more, or never did. */
  isGone(target: Target): boolean;
  /** Begins to move phones; `accepted` is the number of pushes that FCM has accepted so far. */
  begin(store: Pick<Store, 'registerDevice'>, accepted: () => number): void;
  /** Moves those that are left, and resolves to the number of phones that have moved. */
  end(): Promise<number>;
}

/** The row of a phone as the rehearsal adds it. Some have the wrong kind: of a token, or of a FID. */
export function makePhoneRow(
  { seed, mislabel }: Pick<PhoneOptions, 'seed' | 'mislabel'>,
  nth: number,
): Pick<NewDevice, 'target' | 'targetKind'> {
  const fid = makeFid(seed, nth);
  if (chance(seed, `mislabel ${nth}`) >= mislabel) return { target: makeToken(fid), targetKind: 'token' };
  return nth % 2 === 0 ? { target: makeToken(fid), targetKind: 'fid' } : { target: fid, targetKind: 'token' };
}

export function makePhones(options: PhoneOptions): Phones {
  const dead = new Set<string>();
  const moves = drawMoves(options);
  let moved = 0;
  let next = 0;
  let timer: NodeJS.Timeout | undefined;
  let working: Promise<void> = Promise.resolve();
  let move: ((nth: number) => Promise<void>) | undefined;

  /** Moves all whose time has come. */
  const work = async (accepted: () => number): Promise<void> => {
    const take = (): number | undefined => {
      const due = moves[next];
      if (due === undefined || due.at > accepted()) return undefined;
      next++;
      return due.nth;
    };
    const workOn = async (): Promise<void> => {
      for (let nth = take(); nth !== undefined; nth = take()) {
        await move?.(nth);
        // SQLite answers without a turn of the event loop, and the sandbox of FCM has to answer meanwhile.
        await setImmediate();
      }
    };
    await Promise.all(Array.from({ length: REGISTRATIONS_AT_ONCE }, workOn));
  };

  return {
    phoneOf: (target) => fidOf(target) ?? target,
    isGone: ({ target, targetKind }) => dead.has(target) || targetKind !== kindOf(target),
    begin(store, accepted) {
      move = async (nth) => {
        const fid = makeFid(options.seed, nth);
        const { target } = makePhoneRow(options, nth);
        // Every other app names the token that it had; of the others, the FID itself has to do.
        const named = nth % 2 === 0 ? { replaces: target } : {};
        await store.registerDevice({ target: fid, targetKind: 'fid', ...named });
        // The token works until the server can know the FID.
        if (target !== fid) dead.add(target);
        moved++;
      };
      let isWorking = false;
      timer = setInterval(() => {
        if (isWorking) return;
        isWorking = true;
        working = work(accepted).finally(() => {
          isWorking = false;
        });
        working.catch(() => clearInterval(timer));
      }, WATCH_MS);
    },
    async end() {
      clearInterval(timer);
      await working;
      await work(() => Infinity);
      return moved;
    },
  };
}

/** The number of messages that FCM has accepted for a phone, under whichever target. */
export function byPhone(
  accepted: ReadonlyMap<string, number>,
  { phoneOf }: Pick<Phones, 'phoneOf'>,
): Accepted {
  const counts = new Map<string, number>();
  for (const [target, count] of accepted) {
    counts.set(phoneOf(target), (counts.get(phoneOf(target)) ?? 0) + count);
  }
  return { get: (target) => counts.get(phoneOf(target)) };
}

/** Counts the devices that are marked as gone, though FCM knows their target. */
export async function countLivingMarked(
  store: Pick<Store, 'fetchDevices'>,
  { isGone }: Pick<Phones, 'isGone'>,
  { faults, seed }: { readonly faults: FaultMix; readonly seed: number },
): Promise<number> {
  let marked = 0;
  for (let from = 0; ;) {
    const devices = await store.fetchDevices(from, DEVICES_PER_READ);
    for (const device of devices) {
      const isRefused =
        drawFault({ unregistered: faults.unregistered ?? 0 }, seed, device.target, 1) !== null;
      if (device.unregisteredBy !== null && !isRefused && !isGone(device)) marked++;
    }
    const last = devices.at(-1);
    if (!last) return marked;
    from = last.deviceId + 1;
  }
}

/** Which phones move, and after how many accepted pushes. */
function drawMoves({
  seed,
  devices,
  migrate,
}: PhoneOptions): { readonly nth: number; readonly at: number }[] {
  if (migrate === 0) return [];
  const size = Math.max(1, Math.min(PHONES_PER_BLOCK, Math.floor(devices / 20)));
  const blocks = Array.from({ length: Math.ceil(devices / size) }, (_, block) => block).toSorted(
    (one, two) => chance(seed, `block ${one}`) - chance(seed, `block ${two}`),
  );
  return blocks
    .slice(0, Math.round(blocks.length * migrate))
    .flatMap((block, order) => {
      const due = order % 2 === 0 ? block * size - LEAD : chance(seed, `moves ${block}`) * devices * 0.8;
      const at = Math.max(1, due);
      const count = Math.min(size, devices - block * size);
      return Array.from({ length: count }, (_, nth) => ({ nth: block * size + nth, at }));
    })
    .toSorted((one, two) => one.at - two.at);
}

function makeFid(seed: number, nth: number): string {
  return `${TARGET_PREFIX}${seed % 1000}-${nth}-`.padEnd(FID_LENGTH, 'x');
}

function makeToken(fid: string): string {
  return `${fid}:`.padEnd(TOKEN_LENGTH, 'APA91b');
}

function kindOf(target: string): TargetKind {
  return target.includes(':') ? 'token' : 'fid';
}
