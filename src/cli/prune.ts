import { prune, type PruneReport } from '../broadcast/prune.ts';
import { systemClock } from '../clock.ts';
import { MAX_RETENTION_DAYS } from '../config/variables.ts';
import { sumCounts } from '../model/delivery.ts';
import { showNumber } from '../show.ts';
import type { Store } from '../store.ts';
import type { OldAnnouncement } from '../store/retention.ts';
import { formatCount } from '../words.ts';
import { terminalActor } from './actor.ts';
import { defineCommand } from './command.ts';
import { flag, JSON_OPTION, type Option, refuse } from './options.ts';
import type { Terminal } from './terminal.ts';
import { withStore } from './with-store.ts';

const MS_PER_DAY = 86_400_000;

const AGE = `a number of days from 1 to ${MAX_RETENTION_DAYS}, such as 90d`;

const age: Option<number | null> = {
  help: `the age of what is deleted: ${AGE}`,
  placeholder: 'AGE',
  fallback: null,
  parse(value, field) {
    const days = /^\d{1,5}d$/.test(value) ? Number(value.slice(0, -1)) : Number.NaN;
    if (days >= 1 && days <= MAX_RETENTION_DAYS) return days * MS_PER_DAY;
    throw refuse(field, AGE, showNumber(value));
  },
};

export const pruneCommand = defineCommand({
  description:
    'Delete the deliveries of announcements that ended so long ago, and messages and alerts that were sent before that. ' +
    'Announcements, their numbers and the audit stay. One that failed so long ago is cancelled. It goes on slowly, so that ' +
    'it takes at most a tenth of the time of the database; what is interrupted goes on with the next call.',
  examples: [
    ['baton prune --older-than 90d --dry-run', 'What would be deleted'],
    ['baton prune --older-than 90d', 'Delete it'],
  ],
  options: {
    olderThan: age,
    dryRun: flag('say what would be deleted, and delete nothing'),
    json: JSON_OPTION,
  },
  async run({ options: { olderThan: ageMs, dryRun, json } }, terminal) {
    if (ageMs === null) throw refuse('--older-than', AGE, 'nothing');
    const report = await withStore(terminal.env, (store) =>
      dryRun ? countOld(store, ageMs, terminal) : deleteOld(store, ageMs, terminal),
    );
    const { announcements, deliveries, messages } = report;
    const verb = dryRun ? 'would be deleted' : 'deleted';
    terminal.out(
      json
        ? `${JSON.stringify({ dryRun, announcements, deliveries, messages })}\n`
        : `${formatCount(deliveries)} deliveries and ${formatCount(messages)} messages ${verb}, of ${formatCount(announcements)} announcements\n`,
    );
    return 0;
  },
});

type Sum = Pick<PruneReport, 'announcements' | 'deliveries' | 'messages'>;

function deleteOld(store: Store, ageMs: number, { err }: Terminal): Promise<Sum> {
  const log = {
    info: () => {},
    error: (event: string, fields = {}) => err(`${event}: ${JSON.stringify(fields)}\n`),
  };
  return prune(
    { store, clock: systemClock, log },
    {
      ageMs,
      actor: terminalActor(),
      onAnnouncement: (announcement, { deliveries }) => err(`${describe(announcement, deliveries)}\n`),
    },
  );
}

const ANNOUNCEMENTS_PER_READ = 100;

async function countOld(store: Store, ageMs: number, { err }: Terminal): Promise<Sum> {
  const sum = { announcements: 0, deliveries: 0, messages: await store.countOldMessages(ageMs) };
  for (let afterId = 0; ;) {
    const old = await store.fetchOldAnnouncements(ageMs, afterId, ANNOUNCEMENTS_PER_READ);
    for (const announcement of old) {
      const deliveries = sumCounts(await store.countDeliveries(announcement.announcementId));
      sum.announcements++;
      sum.deliveries += deliveries;
      err(`${describe(announcement, deliveries)}\n`);
    }
    const last = old.at(-1);
    if (!last || old.length < ANNOUNCEMENTS_PER_READ) return sum;
    afterId = last.announcementId;
  }
}

function describe({ announcementId, status, endedAt }: OldAnnouncement, deliveries: number): string {
  const day = new Date(endedAt).toISOString().slice(0, 10);
  return `announcement ${announcementId}, ${status} ${day}: ${formatCount(deliveries)} deliveries`;
}
