import { systemClock } from '../clock.ts';
import { type Env, readConfig } from '../config/config.ts';
import { makeKnowledge, type Observer, type Standing } from '../report/standing.ts';
import type { Store } from '../store.ts';
import { toIso } from '../words.ts';

/**
 * `makeObserver` is what a standing is read with at a terminal. Its settings need not be those of the function: what is
 * missing or invalid has its default.
 */
export function makeObserver(env: Env, store: Store): Observer {
  return { store, clock: systemClock, ...makeKnowledge(readConfig(env).config) };
}

/** `standingToJson` is a standing as one flat object, for programs. */
export function standingToJson(standing: Standing): object {
  const { announcement, counts, publishAt, startedAt, finishedAt, errors, waitsFor, ...rest } = standing;
  const { announcementId, status, statusReason: reason, problem, edited, approvedBy = null } = announcement;
  return {
    announcementId,
    status,
    reason,
    problem,
    edited,
    approvedBy,
    ...counts,
    ...rest,
    publishAt: toIso(publishAt),
    startedAt: toIso(startedAt),
    finishedAt: toIso(finishedAt),
    errors: errors.map(({ firstAt, lastAt, ...error }) => ({
      ...error,
      firstAt: toIso(firstAt),
      lastAt: toIso(lastAt),
    })),
    waitsFor: waitsFor.map(({ what, until }) => ({ what, until: toIso(until) })),
  };
}
