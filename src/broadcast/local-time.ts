import { findZone, type Zone } from '../model/zones.ts';

/** Devices with the same instant: the names of their zones as the devices say them; null: those that say none. */
export interface ZoneGroup {
  readonly instant: number;
  readonly names: readonly (string | null)[];
}

/** When a wall-clock time is where. */
export interface LocalTimes {
  /** The groups of the devices, the earliest first. */
  readonly groups: readonly ZoneGroup[];
  /** The first instant after another one at which a zone of the world may have this time; null: all have had it. */
  readonly next: (afterMs: number) => number | null;
}

/** No zone is further from UTC: the clocks of the Line Islands are the first, those of ships beyond Hawaii the last. */
const FIRST_OFFSET_MS = 14 * 3_600_000;
const LAST_OFFSET_MS = -12 * 3_600_000;

/** The clocks of all zones go by whole quarters of an hour. */
const STEP_MS = 900_000;

/**
 * Finds when each zone has a wall-clock time. `names` are the zones that devices say. Devices that say none, or one that
 * nobody knows, have the clocks of `ownZone`, the source's.
 */
export function findLocalTimes(
  wallMs: number,
  names: readonly (string | null)[],
  ownZone: string,
): LocalTimes {
  const instantIn = (zone: Zone | null): number => zone?.instantOf(wallMs) ?? wallMs;
  const ownInstant = instantIn(findZone(ownZone));
  const instantOf = (name: string | null): number => {
    const zone = name === null ? null : findZone(name);
    return zone === null ? ownInstant : instantIn(zone);
  };
  const byInstant = Map.groupBy(names, instantOf);
  return {
    groups: [...byInstant]
      .map(([instant, group]) => ({ instant, names: group }))
      .toSorted((one, other) => one.instant - other.instant),
    // A zone whose first device registers later counts too.
    next: (afterMs) => {
      const steps = Math.floor((afterMs - wallMs) / STEP_MS) + 1;
      const step = Math.max(wallMs - FIRST_OFFSET_MS, wallMs + steps * STEP_MS);
      const instants = [...byInstant.keys(), ...(step <= wallMs - LAST_OFFSET_MS ? [step] : [])];
      const later = instants.filter((instant) => instant > afterMs);
      return later.length === 0 ? null : Math.min(...later);
    },
  };
}
