import type { Clock, Log, Signals } from './context.ts';
import { describeFailure } from './errors.ts';
import type { NewSignal } from './model/signal.ts';
import type { Checks } from './store/checks.ts';

/** Signals with other names than the first ones are not remembered: Baton does not choose what services say. */
const MAX_SIGNALS = 100;

/** A signal that is known already is counted in memory, and written after this time. */
const REWRITE_MS = 300_000;

/** What a process has observed and not yet written, by kind, source and name. */
export type Heard = Map<string, HeardSignal>;

interface HeardSignal {
  signal: NewSignal;
  /** How often it was observed since it was written last. */
  times: number;
  /** When it was written last, or could not be; null: never. */
  triedAt: number | null;
}

/** `remember` keeps the latest value of a signal, and counts it. */
export function remember(heard: Heard, signal: NewSignal): void {
  const key = `${signal.kind} ${signal.source} ${signal.name}`;
  const known = heard.get(key);
  if (known !== undefined) {
    known.signal = signal;
    known.times += signal.times ?? 1;
  } else if (heard.size < MAX_SIGNALS) {
    heard.set(key, { signal, times: signal.times ?? 1, triedAt: null });
  }
}

/**
 * Makes the memory of what is observed in passing. A signal with a new name is written by the next flush, and further
 * observations at most every five minutes: a header in each answer of FCM costs no statement a hop. What a process has counted
 * since then ends with it.
 */
export function makeSignals({
  heard = new Map(),
  store,
  clock,
  log,
}: {
  /** Observations from before there was a database. */
  readonly heard?: Heard;
  readonly store: Pick<Checks, 'recordSignals'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
}): Signals {
  async function write(): Promise<void> {
    const now = clock.now();
    const waiting = [...heard.values()].filter(({ times }) => times > 0);
    if (!waiting.some(({ triedAt }) => triedAt === null || now - triedAt >= REWRITE_MS)) return;
    const taken = waiting.map((each) => {
      const { signal, times } = each;
      [each.times, each.triedAt] = [0, now];
      return { each, times, signal: { ...signal, value: cleanValue(signal.value), times } };
    });
    try {
      await store.recordSignals(taken.map(({ signal }) => signal));
    } catch (error) {
      // Nothing that is sent depends on it, and it is tried again.
      for (const { each, times } of taken) each.times += times;
      log.error('signals not recorded', { signals: taken.length, why: describeFailure(error) });
    }
  }
  return { note: (signal) => remember(heard, signal), flush: write };
}

export const noSignals: Signals = { note() {}, async flush() {} };

const MAX_VALUE_LENGTH = 300;

/** More than is kept, because cleaning shortens a text. */
const MAX_READ_LENGTH = 4 * MAX_VALUE_LENGTH;

/** An address with a user's name and password, and what follows its path: both may hold a key. */
const USER_INFO = /(https?:\/\/)[^\s/<>"@]{1,200}@/gi;
const QUERY = /(https?:\/\/[^\s<>"?#]{1,300})[?#][^\s<>"]*/gi;

/** As long as a token or a key, and of their alphabet. Names of pages, of small letters alone, may be as long. */
const LIKE_A_SECRET = /[\w%~+=-]{32,}/g;

/** `cleanValue` makes a value from outside fit for a table and a person: one line of limited length, without what may be a key. */
export function cleanValue(value: string): string {
  const line = value
    .slice(0, MAX_READ_LENGTH)
    .replaceAll(/[^\x21-\x7E]+/g, ' ')
    .replaceAll(USER_INFO, '$1')
    .replaceAll(QUERY, '$1')
    .replaceAll(LIKE_A_SECRET, (run) => (/^[a-z_-]+$/.test(run) ? run : '...'))
    .trim();
  return line.length > MAX_VALUE_LENGTH ? `${line.slice(0, MAX_VALUE_LENGTH)}...` : line;
}
