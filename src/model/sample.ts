/*
 * The stable share of the devices that a device belongs to: by arithmetic on its id that SQL and JavaScript do alike, exactly,
 * as the product is below 2^53. The factor is the golden ratio's part of the range, so that ids that follow one another are
 * spread as evenly as can be, and so are ids in small steps.
 */

/** Shares are hundredths of a percent. */
export const SAMPLE_SHARES = 10_000;

/** An id is taken modulo the first, multiplied, and taken modulo the range. The two moduli are primes. */
export const SAMPLE_IDS = 2_097_143;
export const SAMPLE_FACTOR = 1_327_217_885;
export const SAMPLE_RANGE = 2_147_483_647;

/** The place of a device in the range. */
export function placeOf(deviceId: number): number {
  return ((deviceId % SAMPLE_IDS) * SAMPLE_FACTOR) % SAMPLE_RANGE;
}

/** The first place of a share. */
export function firstPlaceOf(share: number): number {
  return Math.ceil((share * SAMPLE_RANGE) / SAMPLE_SHARES);
}

/** The share of a device, from 0 to 9999. */
export function shareOf(deviceId: number): number {
  return Math.floor((placeOf(deviceId) * SAMPLE_SHARES) / SAMPLE_RANGE);
}

/**
 * `listSample` lists the lowest ids from `fromId` to `toId` that are in a share, without a look at the others: of a sequence
 * whose steps are all alike on a circle, what falls into an arc comes in at most three different distances.
 * https://en.wikipedia.org/wiki/Three-gap_theorem
 */
export function listSample(
  { from, below }: { readonly from: number; readonly below: number },
  { fromId, toId }: { readonly fromId: number; readonly toId: number },
  limit = Infinity,
): number[] {
  const [first, end] = [firstPlaceOf(from), firstPlaceOf(below)];
  const { up, down } = distancesOf(end - first);
  const isIn = (place: number): boolean => place >= first && place < end;
  const ids: number[] = [];
  let id = fromId;
  while (id <= toId && ids.length < limit) {
    const turnsAt = id - (id % SAMPLE_IDS) + SAMPLE_IDS;
    let place = placeOf(id);
    while (id < turnsAt && id <= toId && !isIn(place)) place = placeOf(++id);
    // Ids are taken modulo SAMPLE_IDS: there the sequence begins anew.
    while (id < turnsAt && id <= toId && ids.length < limit) {
      ids.push(id);
      const [nearer, farther] = up.ids < down.ids ? [up, down] : [down, up];
      const step = [nearer, farther].find(({ places }) => isIn(place + places));
      id += step?.ids ?? up.ids + down.ids;
      place += step?.places ?? up.places + down.places;
    }
    id = Math.min(id, turnsAt);
  }
  return ids;
}

interface Distance {
  readonly ids: number;
  readonly places: number;
}

/** The shortest distances of ids that move a place by less than `length`, upwards and downwards. */
function distancesOf(length: number): { readonly up: Distance; readonly down: Distance } {
  let up: Distance | null = null;
  let down: Distance | null = null;
  for (let ids = 1; up === null || down === null; ids++) {
    const places = placeOf(ids);
    if (up === null && places < length) up = { ids, places };
    if (down === null && SAMPLE_RANGE - places < length) down = { ids, places: places - SAMPLE_RANGE };
  }
  return { up, down };
}
