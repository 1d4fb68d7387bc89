import type { DeviceFilter } from '../model/filter.ts';

/** A number of devices that say the same about themselves; null: they do not say it. */
export interface TraitCount {
  readonly platform: string | null;
  readonly locale: string | null;
  readonly devices: number;
}

/** Audiences, before an announcement is for one. */
export interface Audiences {
  /** Counts the devices of a filter (null: all) that receive pushes, by platform and locale. Two entries may say the same. */
  countByTraits(filter: DeviceFilter | null): Promise<TraitCount[]>;
}
