import type { DatabaseServer } from '../model/database-server.ts';
import type { CheckName, CheckRun, Notice, StandingNotice } from '../model/notice.ts';
import type { NewSignal, Signal, SignalKind } from '../model/signal.ts';

/** Checks that are made on a schedule, what they have found, and what was observed on the way. */
export interface Checks {
  /** Takes a check for one run; false if one of this name has started within `everyMs`. */
  claimCheck(name: string, everyMs: number): Promise<boolean>;
  /** Records that a run has ended, whoever started it. */
  endCheck(name: string, ok: boolean): Promise<void>;
  /** The last run of each check, by name. */
  fetchChecks(): Promise<CheckRun[]>;
  /**
   * Records what a check has found: all of it. What it finds no longer is deleted, and a notice whose level changes is a new
   * one. PushError('BAD_INPUT') if a name does not fit.
   */
  recordNotices(check: CheckName, notices: readonly Notice[]): Promise<void>;
  /** What stands now, red before amber, and then the one that is due first. */
  fetchNotices(): Promise<StandingNotice[]>;
  /** Notices that no alert is about, the earliest first. */
  fetchUnalertedNotices(limit: number): Promise<StandingNotice[]>;
  /** Counts signals of a day; of the same signal the latest value stays. */
  recordSignals(signals: readonly NewSignal[]): Promise<void>;
  /** Signals of a kind of the last days, today included; the latest day first. */
  fetchSignals(kind: SignalKind, days: number): Promise<Signal[]>;
  /** Which database this is, and of which version. */
  fetchServer(): Promise<DatabaseServer>;
}
