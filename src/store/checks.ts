import type { DatabaseServer } from '../model/database-server.ts';
import type { CheckName, CheckRun, Notice, StandingNotice } from '../model/notice.ts';
import type { NewSignal, Signal, SignalKind } from '../model/signal.ts';

/** When checks are due, in milliseconds. */
export interface CheckTimes {
  /** A check that has run within this time was made lately. */
  readonly everyMs: number;
  /** Broadcasts that start within this time have to be checked. */
  readonly aheadMs: number;
  /** A broadcast is checked once within this time. */
  readonly againMs: number;
  /** Number of broadcasts at most. */
  readonly limit: number;
}

export interface CheckPlan {
  readonly made: readonly CheckName[];
  /**
   * Ids of scheduled broadcasts that start soon and that the doctor has not been started for; no mailings. Of one that is sent
   * in parts it is the id of the whole, whose time is that of the next part: parts are made a minute before they start.
   */
  readonly coming: readonly number[];
}

/** Checks that are made on a schedule, what they have found, and what was observed on the way. */
export interface Checks {
  /** Checks that were made lately, and announcements that have to be checked, by one statement. */
  fetchCheckPlan(times: CheckTimes): Promise<CheckPlan>;
  /** Takes a check for one run; false if one of this name has started or ended within `everyMs`, unless it was killed. */
  claimCheck(name: string, everyMs: number): Promise<boolean>;
  /** Gives back a check that could not be started. */
  releaseCheck(name: string): Promise<void>;
  /** Records that a run has ended, also one that no claim began. */
  endCheck(name: string, ok: boolean): Promise<void>;
  /** The last run of each check, by name. */
  fetchChecks(): Promise<CheckRun[]>;
  /**
   * Records what a check has found: all of it. What it finds no longer is deleted, and a notice that becomes red is a new one. PushError('BAD_INPUT') if a name does not fit.
   */
  recordNotices(check: CheckName, notices: readonly Notice[]): Promise<void>;
  /** What stands now, red before amber, and then the one that is due first. */
  fetchNotices(): Promise<StandingNotice[]>;
  /** Notices of these checks that no alert is about, the earliest first. */
  fetchUnalertedNotices(checks: readonly CheckName[], limit: number): Promise<StandingNotice[]>;
  /** Deletes the runs of single announcements after 30 days, and signals after 400. */
  pruneChecks(): Promise<void>;
  /** Counts signals of a day; of the same signal the latest value stays. */
  recordSignals(signals: readonly NewSignal[]): Promise<void>;
  /** Signals of a kind of the last days, today included; the latest day first. */
  fetchSignals(kind: SignalKind, days: number): Promise<Signal[]>;
  /** What was observed of one name, the latest day first, at most 100 days. */
  fetchSignalsOf(key: Pick<Signal, 'kind' | 'source' | 'name'>): Promise<Signal[]>;
  /** Which database this is, and of which version. */
  fetchServer(): Promise<DatabaseServer>;
}
