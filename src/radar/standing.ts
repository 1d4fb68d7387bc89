import type { Notice, StandingNotice } from '../model/notice.ts';
import type { Look } from './examine.ts';
import type { RadarPart } from './part.ts';
import { RADAR_PARTS } from './parts.ts';

/**
 * What is recorded: what was found, and what stands of the parts that could not look this time. Otherwise each day without a
 * network would delete notices, and the next day would alert to them again.
 */
export function withStanding(
  notices: readonly Notice[],
  looks: readonly Look[],
  standing: readonly StandingNotice[],
  parts: readonly RadarPart[] = RADAR_PARTS,
): Notice[] {
  const blind = parts.filter(({ name }) => !looks.some(({ part, isBlind }) => part === name && !isBlind));
  const names = new Set(notices.map(({ name }) => name));
  const kept = standing.filter(
    ({ check, name }) => check === 'radar' && !names.has(name) && blind.some((part) => isOf(part, name)),
  );
  return [
    ...notices,
    ...kept.map(({ name, level, says, remedy, dueOn, source }) => ({
      name,
      level,
      says,
      remedy,
      dueOn,
      source,
    })),
  ];
}

/**
 * What a terminal records: nothing of what is about its own process. Of that, what the function has found stands.
 */
export function withoutOwnProcess(
  notices: readonly Notice[],
  looks: readonly Look[],
  parts: readonly RadarPart[] = RADAR_PARTS,
): { notices: Notice[]; looks: Look[] } {
  const own = parts.filter(({ isOfProcess = false }) => isOfProcess);
  return {
    notices: notices.filter(({ name }) => !own.some((part) => isOf(part, name))),
    looks: looks.filter(({ part }) => !own.some(({ name }) => name === part)),
  };
}

function isOf({ prefixes }: RadarPart, name: string): boolean {
  return prefixes.some((prefix) => name.startsWith(prefix));
}
