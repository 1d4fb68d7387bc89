import { systemClock } from '../clock.ts';
import { openServices } from '../handler.ts';
import { makeApi } from '../local/api.ts';
import { type HttpServer, startHttpServer } from '../local/http-server.ts';
import { MAX_CANARIES, roundOf } from '../model/canary.ts';
import type { Store } from '../store.ts';
import { type CanaryPhones, makeCanaryPhones } from './canary-phones.ts';
import type { LocalCloud } from './local-cloud.ts';
import type { RehearsalOptions } from './options.ts';

/** Pushes of an earlier rehearsal in the same database are older than this one's. */
const DAY_MS = 86_400_000;

export interface CanaryCounts {
  readonly canaries: number;
  readonly canariesAnswered: number;
  /** FCM accepted the push, and no receipt arrived. */
  readonly canariesSilent: number;
  /** Canaries that are silent and not dead, or dead and not silent although FCM accepted their push. */
  readonly canariesMisjudged: number;
}

export const NO_CANARIES: CanaryCounts = {
  canaries: 0,
  canariesAnswered: 0,
  canariesSilent: 0,
  canariesMisjudged: 0,
};

/** The canaries of a rehearsal. */
export interface Canaries {
  readonly count: number;
  /** Their ids. */
  readonly dead: ReadonlySet<number>;
  readonly phones: CanaryPhones;
  /** Says where the API is. */
  readonly open: (address: string) => void;
}

/** Marks the first devices as canaries; the last of these are dead. */
export async function makeCanaries(
  store: Pick<Store, 'fetchDevices' | 'registerDevice'>,
  { canaries, deadCanaries }: Pick<RehearsalOptions, 'canaries' | 'deadCanaries'>,
  onError: (why: string) => void = () => {},
): Promise<Canaries> {
  const devices = await store.fetchDevices(0, canaries);
  for (const { target, targetKind } of devices) {
    await store.registerDevice({ target, targetKind, isCanary: true });
  }
  const dead = devices.slice(devices.length - deadCanaries);
  const deadTargets = new Set(dead.map(({ target }) => target));
  let receiptsUrl: string | null = null;
  return {
    count: devices.length,
    dead: new Set(dead.map(({ deviceId }) => deviceId)),
    phones: makeCanaryPhones({
      receiptsUrl: () => receiptsUrl,
      isDead: (target) => deadTargets.has(target),
      onError,
    }),
    open(address) {
      receiptsUrl = `${address}/receipts`;
    },
  };
}

/** Sends a round, that of an announcement, by the function, lets the phones answer to the API over HTTP, and counts what is recorded. */
export async function askCanaries(
  { count, dead, phones, open }: Canaries,
  {
    store,
    cloud,
    databaseUrl,
  }: { readonly store: Store; readonly cloud: LocalCloud; readonly databaseUrl: string },
  announcementId: number,
): Promise<CanaryCounts> {
  const { engine } = cloud;
  // Not through the connections that --db-faults cuts.
  const env = { ...cloud.env, DATABASE_URL: databaseUrl };
  const api = makeApi(await openServices(env, () => {}, systemClock), engine, env);
  let server: HttpServer | null = null;
  try {
    server = await startHttpServer({
      host: '127.0.0.1',
      port: 0,
      admit: api.admit,
      handle: api.handle,
      onError: () => {},
    });
    open(server.address);
    await engine.call({ kind: 'canary', announcementId });
    await phones.idle();
  } finally {
    await server?.close();
    await api.close();
  }
  const round = roundOf(0, announcementId);
  // A phone whose app the broadcast has found gone gets no push.
  const pushes = (await store.fetchCanaryPushes(DAY_MS, MAX_CANARIES)).filter((push) => push.round === round);
  const answered = pushes.filter(({ answeredAt }) => answeredAt !== null);
  const silent = pushes.filter(({ answeredAt, verdict }) => answeredAt === null && verdict === 'delivered');
  const misjudged = [
    ...silent.filter(({ deviceId }) => !dead.has(deviceId)),
    ...answered.filter(({ deviceId }) => dead.has(deviceId)),
  ];
  return {
    canaries: count,
    canariesAnswered: answered.length,
    canariesSilent: silent.length,
    canariesMisjudged: misjudged.length,
  };
}
