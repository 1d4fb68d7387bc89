/** The jobs that look for what will break a broadcast before it does. */
export const CHECKS = ['doctor', 'radar', 'canary'] as const;
export type CheckName = (typeof CHECKS)[number];

/** A run of a check that has not ended after this time was killed: it takes seconds, and an invocation at most 15 minutes. */
export const MAX_CHECK_MS = 3_600_000;

/** `red`: it breaks a broadcast now or soon; `amber`: there is time to act. */
export const NOTICE_LEVELS = ['amber', 'red'] as const;
export type NoticeLevel = (typeof NOTICE_LEVELS)[number];

/** Something that a person has to know before it breaks a broadcast. It has no secret and no target. */
export interface Notice {
  /** What it is about, in visible ASCII; each check has one notice of a name. */
  readonly name: string;
  readonly level: NoticeLevel;
  /** What was found, in one sentence. */
  readonly says: string;
  /** What to do, in one sentence. */
  readonly remedy: string;
  /** The day on which it takes effect, such as `2026-10-31`; null: now, or not known. */
  readonly dueOn: string | null;
  /** Where it is written or was seen: an address, or words. */
  readonly source: string;
}

/** A notice as the table has it. Times are milliseconds since the epoch. */
export interface StandingNotice extends Notice {
  readonly noticeId: number;
  readonly check: CheckName;
  /** Since when each run of the check has found it; of one that has become red, since then. */
  readonly foundAt: number;
  readonly seenAt: number;
}

/** When a check was made last. Times are milliseconds since the epoch. */
export interface CheckRun {
  /** The name of a check, or of one and what it was made for, such as `doctor-42`. */
  readonly name: string;
  readonly startedAt: number;
  /** Null: it has not ended. */
  readonly endedAt: number | null;
  /** False: it has found something red; null: it has not ended. */
  readonly ok: boolean | null;
}
