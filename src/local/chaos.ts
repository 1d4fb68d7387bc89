import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../context.ts';
import { parseEvent } from '../job.ts';
import { chance } from './fcm-faults.ts';
import type { LocalLambda } from './lambda.ts';

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

/** What chaos works on, and what a killed worker's page is compared with. */
export interface Stage {
  readonly lambda: LocalLambda;
  /** Cuts a database connection; false if none is in use. */
  readonly cut: () => boolean;
  readonly store: Store;
  readonly devices: number;
  readonly pageSize: number;
  /** By target. */
  readonly accepted: ReadonlyMap<string, number>;
  readonly acceptedOf: (announcementId: number) => ReadonlyMap<string, number>;
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
  const drawPoints = (what: string, times: number, devices: number): number[] =>
    Array.from(
      { length: times },
      (_, nth) => chance(seed, `${what} ${nth}`) * BROADCAST_SHARE * devices,
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
      const killAt = drawPoints('kill', kills, stage.devices);
      const cutAt = drawPoints('cut', dbFaults, stage.devices);
      const reached = (points: readonly number[], done: number): boolean =>
        stage.accepted.size >= (points[done] ?? Infinity);
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

/** Of the page that the killed worker was at: accepted by FCM, and not recorded. Nobody takes it over before its lease ends. */
async function countInFlight(event: unknown, { store, pageSize, acceptedOf }: Stage): Promise<number> {
  await sleep(SETTLE_MS);
  const parsed = parseEvent(event);
  if (parsed.entry !== 'direct' || parsed.job.kind !== 'broadcast') return 0;
  const { job } = parsed;
  const devices =
    job.round === 0
      ? await store.fetchPage(job.fromId, null, pageSize)
      : await store.fetchRetryPage(job, null, pageSize);
  const last = devices.at(-1);
  if (!last) return 0;
  const verdicts = await store.fetchVerdicts(job.announcementId, job.fromId, last.deviceId);
  const accepted = acceptedOf(job.announcementId);
  return devices.filter(
    ({ deviceId, target }) => accepted.has(target) && verdicts.get(deviceId) !== 'delivered',
  ).length;
}
