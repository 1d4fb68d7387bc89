/** A source's budget as it is now. A time in the past is negative. */
export interface Budget {
  /** The version of the budget's row: changes with every reservation, every brake and the end of an outage. */
  readonly version: number;
  /** Milliseconds until everything reserved so far has been sent. */
  readonly freeInMs: number;
  /** Milliseconds until the page that was reserved last has been sent, spread over its time: see Slot. */
  readonly spreadInMs: number;
  /** Milliseconds until all urgent messages reserved so far have been sent. */
  readonly urgentInMs: number;
  /** Milliseconds, in total, by which urgent messages have delayed earlier reservations; only grows. */
  readonly urgentMs: number;
  /** Milliseconds since the ramp began; negative: it begins later. */
  readonly rampAgeMs: number;
  /** Milliseconds until the source may send again. */
  readonly brakeMs: number;
  /** Number of brakes so far; each cancels the reservations made before it. */
  readonly brakes: number;
  /** Failed probes since FCM went down; 0: FCM is up. */
  readonly outages: number;
  /** Milliseconds until the announcement's last reserved slot opens; it reserves no other slot before that. */
  readonly turnInMs: number;
  /** FCM's mean time to an answer, in milliseconds, over the latest hops; 0 if none has ended. */
  readonly answerMs: number;
}

/** What stops a source now: FCM is down, or throttles it; null: nothing. */
export function stopOf({
  outages,
  brakeMs,
}: Pick<Budget, 'outages' | 'brakeMs'>): 'down' | 'throttled' | null {
  if (outages > 0) return 'down';
  return brakeMs > 0 ? 'throttled' : null;
}

/** A part of a source's budget for one page, or for messages that are sent at once. */
export interface Reservation {
  /** Milliseconds of the budget that the pushes take. */
  readonly takenMs: number;
  /** Milliseconds of the budget that stay unused before them. */
  readonly gapMs: number;
  /** Milliseconds over which they are sent. */
  readonly spreadMs: number;
  /** True: the ramp begins with this reservation. */
  readonly startsRamp: boolean;
  /** True: the reservation goes ahead of all earlier ones, which are delayed by `takenMs`. */
  readonly isUrgent: boolean;
  /** The announcement whose turn this is, and when its slot opens; null: without a turn. */
  readonly turn: { readonly announcementId: number; readonly opensInMs: number } | null;
}

/** A stop of a source, because FCM throttles or is down. */
export interface Brake {
  /** Milliseconds for which the source stops. */
  readonly pauseMs: number;
  /** Age of the ramp at which the source continues after the pause. */
  readonly rampAgeMs: number;
  /** The reason, in words for a person; `until` and a time follow it in the status. */
  readonly reason: string;
  /** Failed probes since FCM went down; 0: FCM is up, and throttles. */
  readonly outages: number;
}

/** The budget of a source for a person to look at, with the reason of the last brake. */
export interface SourceBudget extends Pick<
  Budget,
  'freeInMs' | 'rampAgeMs' | 'brakeMs' | 'outages' | 'answerMs'
> {
  readonly source: string;
  readonly brakeReason: string | null;
}
