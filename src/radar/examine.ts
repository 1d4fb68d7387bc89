import { describeFailure } from '../errors.ts';
import type { Notice } from '../model/notice.ts';
import type { RadarPart, RadarTools } from './part.ts';
import { RADAR_PARTS } from './parts.ts';

/** What one part says. */
export interface Look {
  readonly part: string;
  readonly hasVerdict: boolean;
  /** True: it could not look. What it found before stands. */
  readonly isBlind: boolean;
  readonly says: string;
}

export interface Examination {
  /** Red before amber, and then the one that is due first. */
  readonly notices: readonly Notice[];
  readonly looks: readonly Look[];
}

/** Looks at everything at once, for what is about to be retired. Throws nothing: a part that cannot look has no verdict. */
export async function examineRadar(
  tools: RadarTools,
  parts: readonly RadarPart[] = RADAR_PARTS,
): Promise<Examination> {
  const results = await Promise.all(parts.map((part) => look(part, tools)));
  return {
    notices: results.flatMap(({ notices }) => notices).toSorted(byUrgency),
    looks: results.map(({ part, hasVerdict, isBlind, says }) => ({ part, hasVerdict, isBlind, says })),
  };
}

async function look(part: RadarPart, tools: RadarTools): Promise<Look & { notices: readonly Notice[] }> {
  try {
    return { part: part.name, isBlind: false, ...(await part.look(tools)) };
  } catch (error) {
    const [says = 'failed'] = describeFailure(error).split('\n');
    return {
      part: part.name,
      hasVerdict: false,
      isBlind: true,
      says: says.replace(/^(?:Push)?Error: /, ''),
      notices: [],
    };
  }
}

/** Sorts red before amber, and then the one that is due first. */
export function byUrgency(one: Notice, other: Notice): number {
  if (one.level !== other.level) return one.level === 'red' ? -1 : 1;
  return (one.dueOn ?? '').localeCompare(other.dueOn ?? '');
}
