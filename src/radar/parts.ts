import { judgeDiscovery } from './discovery.ts';
import { HEADER_DAYS, judgeHeaders } from './headers.ts';
import { judgeDatabase, judgeImage, judgeTable, judgeVersion } from './judge-lifecycles.ts';
import { judgeKeys } from './key-age.ts';
import { judgeMix } from './mix.ts';
import type { Finding, RadarPart } from './part.ts';

/** Everything that the radar looks at. A further part is a further entry, with a prefix of its own. */
export const RADAR_PARTS: readonly RadarPart[] = [
  {
    name: 'FCM API',
    prefixes: ['discovery:'],
    async look({ config, fetchDiscovery }) {
      const { notices, revision } = judgeDiscovery(await fetchDiscovery(), config.fcm.endpoint);
      return {
        hasVerdict: true,
        says: `FCM's API as of ${revision ?? 'today'} against Baton's use of it`,
        notices,
      };
    },
  },
  {
    name: 'Node',
    prefixes: ['lifecycle:nodejs'],
    isOfProcess: true,
    look: async ({ running, clock }) => {
      return judgeVersion('nodejs', /^v?(\d+)/.exec(running.node)?.[1] ?? running.node, clock.now());
    },
  },
  {
    name: 'system',
    prefixes: ['lifecycle:amazon-linux'],
    isOfProcess: true,
    look: async ({ running: { amazonLinux }, clock }) => {
      return amazonLinux === null
        ? nothing('not Amazon Linux')
        : judgeVersion('amazon-linux', amazonLinux, clock.now());
    },
  },
  {
    name: 'base image',
    prefixes: ['lifecycle:base-image'],
    isOfProcess: true,
    look: async ({ config, clock }) => judgeImage(config.baseImage, clock.now()),
  },
  {
    name: 'database',
    prefixes: ['lifecycle:mysql', 'lifecycle:mariadb', 'lifecycle:rds-', 'lifecycle:sqlite'],
    look: async ({ openStore, clock }) => judgeDatabase(await (await openStore()).fetchServer(), clock.now()),
  },
  {
    name: 'firebase-admin',
    prefixes: ['lifecycle:firebase-admin'],
    isOfProcess: true,
    look: async ({ running: { firebaseAdmin } }) => {
      return { hasVerdict: false, says: `${firebaseAdmin}: Google publishes no date`, notices: [] };
    },
  },
  { name: 'table', prefixes: ['lifecycle:table'], look: async ({ clock }) => judgeTable(clock.now()) },
  // A terminal may have other sources than the function.
  { name: 'keys', prefixes: ['key-age:', 'key-end:'], isOfProcess: true, look: judgeKeys },
  {
    name: 'answers',
    prefixes: ['header:'],
    async look({ openStore, clock }) {
      const headers = await (await openStore()).fetchSignals('header', HEADER_DAYS);
      return {
        hasVerdict: true,
        says: `headers of the last ${HEADER_DAYS} days by which a service announces a change: ${headers.length}`,
        notices: judgeHeaders(headers, clock.now()),
      };
    },
  },
  {
    name: 'mix',
    prefixes: ['mix:'],
    isOfProcess: true,
    async look({ openStore, clock, config }) {
      return {
        hasVerdict: true,
        says: 'the last broadcast of each source against those before it',
        notices: await judgeMix({ store: await openStore(), clock, config }),
      };
    },
  },
];

function nothing(says: string): Finding {
  return { hasVerdict: true, says, notices: [] };
}
