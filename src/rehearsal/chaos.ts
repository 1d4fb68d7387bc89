import { setTimeout as sleep } from 'node:timers/promises';
import { chance } from './fcm/faults.ts';
import type { LocalLambda } from '../local/lambda/lambda.ts';
import type { LedgerLine } from './ledger-lines.ts';

const WATCH_MS = 5;

/** The last fault has to find somebody at work, though not every device may be one that FCM accepts. */
const BROADCAST_SHARE = 0.5;

/** Until FCM has read what the killed worker had already written; shorter than the lease after which another takes over. */
const SETTLE_MS = 500;

export interface ChaosOptions {
  readonly seed: number;
  readonly announcements: number;
  /** kill -9 of a busy worker, so often over the whole broadcast. */
  readonly kills: number;
  /** Connections to the database cut in mid-statement, likewise. */
  readonly dbFaults: number;
  /** The share of events that Lambda delivers twice, and that it loses. */
  readonly duplicate: number;
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

/** What chaos works on. */
export interface Stage {
  readonly lambda: LocalLambda;
  /** Cuts a database connection; false if none is in use. */
  readonly cut: () => boolean;
  /** Of so many FCM has accepted so many. */
  readonly expected: number;
  readonly accepted: () => number;
  /** What a worker that was killed was at, by its event. */
  readonly linesOf: (event: unknown) => Promise<readonly LedgerLine[]>;
}

/** Faults of the machine, the network and of Lambda, at moments that the seed decides. */
export interface Chaos {
  /** How often Lambda delivers the next event. */
  readonly deliveries: () => number;
  begin(stage: Stage): void;
  /** Ends it, and tells what was done. */
  end(): Promise<ChaosReport>;
}

export function makeChaos({ seed, announcements, kills, dbFaults, duplicate, drop }: ChaosOptions): Chaos {
  let events = 0;
  let eventsDuplicated = 0;
  let eventsDropped = 0;
  let cuts = 0;
  let timer: NodeJS.Timeout | undefined;
  const inFlight: Promise<number>[] = [];

  /** By progress and not by the clock, so that the same seed strikes at the same points on a slower machine. */
  const drawPoints = (what: string, times: number, expected: number): number[] =>
    Array.from(
      { length: times },
      (_, nth) => chance(seed, `${what} ${nth}`) * BROADCAST_SHARE * expected,
    ).toSorted((one, two) => one - two);

  return {
    deliveries() {
      const drawn = chance(seed, `event ${events}`);
      // The first ones ask for the broadcasts: if those are lost, nobody has asked.
      if (events++ < announcements) return 1;
      if (drawn < drop) {
        eventsDropped++;
        return 0;
      }
      if (drawn >= drop + duplicate) return 1;
      eventsDuplicated++;
      return 2;
    },
    begin(stage) {
      const killAt = drawPoints('kill', kills, stage.expected);
      const cutAt = drawPoints('cut', dbFaults, stage.expected);
      const reached = (points: readonly number[], done: number): boolean =>
        stage.accepted() >= (points[done] ?? Infinity);
      timer = setInterval(() => {
        if (reached(killAt, inFlight.length)) {
          const event = stage.lambda.killOne(chance(seed, `victim ${inFlight.length}`));
          if (event !== null) inFlight.push(countInFlight(event, stage));
        }
        if (reached(cutAt, cuts) && stage.cut()) cuts++;
      }, WATCH_MS);
    },
    async end() {
      clearInterval(timer);
      const inFlightAtKills = (await Promise.all(inFlight)).reduce((sum, count) => sum + count, 0);
      return { kills: inFlight.length, dbFaults: cuts, eventsDuplicated, eventsDropped, inFlightAtKills };
    },
  };
}

/** Of what the killed worker was at: accepted by FCM, and not recorded. Nobody takes it over before its lease ends. */
async function countInFlight(event: unknown, { linesOf }: Stage): Promise<number> {
  await sleep(SETTLE_MS);
  return (await linesOf(event)).filter(({ times, verdict }) => times > 0 && verdict !== 'delivered').length;
}
