import type { Clock } from '../context.ts';
import type { LocalLambda } from '../local/lambda/lambda.ts';
import { chance } from './fcm/faults.ts';
import type { LedgerLine } from './ledger-lines.ts';

const WATCH_MS = 5;

/** Share of the broadcast in which all faults happen: the last fault needs a busy worker, and FCM may not accept every device. */
const FAULTY_SHARE = 0.5;

/** Time until FCM has read what a killed worker had written. Shorter than the lease after which another worker takes over. */
const SETTLE_MS = 500;

export interface ChaosOptions {
  readonly seed: number;
  /** Number of broadcasts; the events that start them are neither lost nor repeated. */
  readonly announcements: number;
  /** Number of busy workers to end with kill -9, over the whole broadcast. */
  readonly kills: number;
  /** Number of database connections to cut in the middle of a statement, over the whole broadcast. */
  readonly dbFaults: number;
  /** Share of events that Lambda delivers twice. */
  readonly duplicate: number;
  /** Share of events that Lambda loses. */
  readonly drop: number;
}

export interface ChaosReport {
  readonly kills: number;
  readonly dbFaults: number;
  readonly eventsDuplicated: number;
  readonly eventsDropped: number;
  /** Pushes that FCM had accepted when their worker was killed, before it could record them. */
  readonly inFlightAtKills: number;
}

/** What chaos acts on. */
export interface ChaosTarget {
  readonly clock: Pick<Clock, 'sleep'>;
  readonly lambda: Pick<LocalLambda, 'killOne'>;
  /** Cuts a database connection; false if none is in use. */
  readonly cut: () => boolean;
  /** Number of pushes of the whole rehearsal. */
  readonly pushes: number;
  /** Number of pushes that FCM has accepted so far. */
  readonly accepted: () => number;
  /** Resolves to the pushes of the hop that a killed worker's event names. */
  readonly linesOf: (event: unknown) => Promise<readonly LedgerLine[]>;
}

/** Faults of the machine, of the network and of Lambda, at moments that the seed decides. */
export interface Chaos {
  /** Number of times that Lambda delivers the next event. */
  readonly deliveries: () => number;
  /** Begins to kill workers and to cut connections. */
  begin(target: ChaosTarget): void;
  /** Ends all faults; resolves to their numbers. */
  end(): Promise<ChaosReport>;
}

export function makeChaos({ seed, announcements, kills, dbFaults, duplicate, drop }: ChaosOptions): Chaos {
  let events = 0;
  let eventsDuplicated = 0;
  let eventsDropped = 0;
  let cuts = 0;
  let timer: NodeJS.Timeout | undefined;
  const inFlight: Promise<number>[] = [];

  /** Numbers of accepted pushes, not times: the same seed strikes at the same points on a slower machine. */
  const drawPoints = (what: string, times: number, pushes: number): number[] =>
    Array.from(
      { length: times },
      (_, nth) => chance(seed, `${what} ${nth}`) * FAULTY_SHARE * pushes,
    ).toSorted((one, two) => one - two);

  return {
    deliveries() {
      const share = chance(seed, `event ${events}`);
      // The first events start the broadcasts: without them nothing would begin.
      if (events++ < announcements) return 1;
      if (share < drop) {
        eventsDropped++;
        return 0;
      }
      if (share >= drop + duplicate) return 1;
      eventsDuplicated++;
      return 2;
    },
    begin(target) {
      const killAt = drawPoints('kill', kills, target.pushes);
      const cutAt = drawPoints('cut', dbFaults, target.pushes);
      const isReached = (points: readonly number[], done: number): boolean =>
        target.accepted() >= (points[done] ?? Infinity);
      timer = setInterval(() => {
        if (isReached(killAt, inFlight.length)) {
          const event = target.lambda.killOne(chance(seed, `victim ${inFlight.length}`));
          if (event !== null) inFlight.push(countInFlight(event, target));
        }
        if (isReached(cutAt, cuts) && target.cut()) cuts++;
      }, WATCH_MS);
    },
    async end() {
      clearInterval(timer);
      const inFlightAtKills = (await Promise.all(inFlight)).reduce((sum, count) => sum + count, 0);
      return { kills: inFlight.length, dbFaults: cuts, eventsDuplicated, eventsDropped, inFlightAtKills };
    },
  };
}

/** `countInFlight` counts a killed worker's pushes that FCM accepted and the ledger does not have. */
async function countInFlight(event: unknown, { clock, linesOf }: ChaosTarget): Promise<number> {
  await clock.sleep(SETTLE_MS);
  const lines = await linesOf(event);
  return lines.filter(({ acceptances, verdict }) => acceptances > 0 && verdict !== 'delivered').length;
}
