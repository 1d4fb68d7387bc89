/** Pushes in a process of its own: for each message of its parent, `plain` or `template`, an announcement to all members. */
import { runHop } from '../../src/broadcast/hop.ts';
import { systemClock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { Context } from '../../src/context.ts';
import { migrateDatabase, openDriver } from '../../src/db/open.ts';
import { sql } from '../../src/db/sql.ts';
import { openServices } from '../../src/handler.ts';
import type { BroadcastJob } from '../../src/job.ts';
import type { NewAnnouncement } from '../../src/model/announcement.ts';
import type { NewDevice } from '../../src/model/device.ts';
import type { Locales } from '../../src/model/locales.ts';
import type { Cost } from './sender-client.ts';

export type Texts = 'plain' | 'template';

const ROWS_PER_STATEMENT = 1000;
const LOCALES = ['de', 'fr', 'it', 'es', 'pt', 'nl', 'pl', 'sv', 'ja', 'zh-Hant'];

const plain: NewAnnouncement = {
  source: 'default',
  guarantee: 'at-least-once',
  ttlSeconds: 3600,
  dryRun: false,
  lanes: 1,
  content: { title: 'Back at 9', body: 'The shop opens late today.', image: null, data: {}, options: {} },
};

const contentOf = (locale: string) => ({
  title: `${locale}: Hi {{ nickname | default: "there" }}`,
  body: 'You have {{ points }} points. The shop opens late today.',
});

const ANNOUNCEMENTS: Readonly<Record<Texts, NewAnnouncement>> = {
  plain,
  template: {
    ...plain,
    content: { ...plain.content, ...contentOf('en') },
    template: 'liquid',
    locales: Object.fromEntries(LOCALES.map((locale) => [locale, contentOf(locale)])) satisfies Locales,
  },
};

const count = Number(process.argv[2]);

async function prepare(): Promise<(texts: Texts) => Promise<number>> {
  const { database } = parseConfig(process.env);
  await migrateDatabase(database, systemClock);
  const services = await openServices(process.env, () => {});
  const { store } = services;
  const driver = openDriver(database, systemClock);
  for (let first = 0; first < count; first += ROWS_PER_STATEMENT) {
    const nths = Array.from({ length: Math.min(ROWS_PER_STATEMENT, count - first) }, (_, nth) => first + nth);
    await store.addDevices(nths.map(deviceOf));
    const rows = nths.map((nth) => {
      const attributes = { nickname: `Ada ${nth}`, points: nth, city: 'Bern', isNew: nth % 2 === 0 };
      return sql`(${`m${nth}`}, ${JSON.stringify(attributes)})`;
    });
    await driver.run(sql`INSERT INTO push_member (member_id, attributes) VALUES ${rows}`);
  }
  await driver.close();
  return async (texts) => {
    const jobs: BroadcastJob[] = [];
    const ctx: Context = {
      ...services,
      requestId: 'bench',
      actor: 'event',
      functionName: 'bench',
      remainingMs: () => 900_000,
      // This process works the next hop itself.
      invoker: {
        invoke: async (_, job) => {
          if (job.kind === 'broadcast') jobs.push(job);
        },
        close: () => {},
      },
    };
    const announcementId = await store.createAnnouncement(ANNOUNCEMENTS[texts]);
    jobs.push({ kind: 'broadcast', announcementId, round: 0, fromId: 0 });
    for (let job = jobs.shift(); job; job = jobs.shift()) await runHop(ctx, job);
    return (await store.countDeliveries(announcementId)).delivered;
  };
}

function deviceOf(nth: number): NewDevice {
  return {
    target: `bench-${nth}:`.padEnd(142, 'APA91b'),
    targetKind: 'token',
    memberId: `m${nth}`,
    locale: LOCALES[nth % LOCALES.length] ?? null,
    platform: 'android',
  };
}

const pushing = prepare();

process.on('message', (texts: Texts) => {
  measure(texts).then(
    (cost) => process.send?.(cost),
    (error: unknown) => {
      process.stderr.write(`${texts}: ${String(error)}\n`);
      process.exit(1);
    },
  );
});
process.once('disconnect', () => process.exit());

async function measure(texts: Texts): Promise<Cost> {
  const push = await pushing;
  const before = process.cpuUsage();
  const startedAt = performance.now();
  const accepted = await push(texts);
  const { user, system } = process.cpuUsage(before);
  if (accepted !== count) throw new Error(`expected ${count} messages to be accepted, got ${accepted}`);
  return { cpuUs: (user + system) / count, wallUs: ((performance.now() - startedAt) * 1000) / count };
}
