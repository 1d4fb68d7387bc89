import { findAnnouncement } from '../broadcast/announcement.ts';
import { type Verdict, VERDICTS } from '../model/delivery.ts';
import { describeChecksFor, fetchChecksNow, noticesToJson } from '../report/notices.ts';
import { fetchStanding } from '../report/standing.ts';
import type { Store } from '../store.ts';
import { parseAnnouncementId } from './announcement-id.ts';
import { defineCommand } from './command.ts';
import { flag, JSON_OPTION, oneOf, refuse } from './options.ts';
import { makeObserver, standingToJson } from './standing.ts';
import { describeStanding } from './status-text.ts';
import type { Terminal } from './terminal.ts';
import { watch } from './watch.ts';
import { withStore } from './with-store.ts';

const DELIVERIES_PER_READ = 5000;

export const statusCommand = defineCommand({
  description:
    'Show how far an announcement is: the balance of its audience, the rate, the time that is left, and what it waits for; ' +
    'or, with --list, the devices of one verdict. Without an ID, it is the latest one that runs, or else the latest.',
  examples: [
    ['baton status 42', 'How far it is'],
    ['baton status --watch', 'Watch what runs now, until it ends'],
    ['baton status 42 --list rejected', 'Which devices FCM rejected, and why'],
  ],
  operands: { usage: '[ID]', help: "one announcement's id, or none" },
  options: {
    list: oneOf(
      'VERDICT',
      `print the devices of this verdict, one a line with the reason: ${VERDICTS.join(', ')}`,
      {
        choices: VERDICTS,
        fallback: null,
      },
    ),
    watch: flag(
      'draw it again every second, or print a line every five seconds where no terminal is, until the announcement ends; ' +
        'the exit status is 0 if it is done',
    ),
    json: JSON_OPTION,
  },
  async run({ options: { list, watch: isWatch, json }, operands }, terminal) {
    if (isWatch && list !== null) throw refuse('--watch', 'no --list beside it', 'both');
    const givenId = operands.length === 0 ? null : parseAnnouncementId(operands);
    return withStore(terminal.env, async (store) => {
      const announcementId = givenId ?? (await chooseLatest(store));
      if (isWatch) return watch(makeObserver(terminal.env, store), announcementId, json, terminal);
      if (list === null) await printStatus(store, announcementId, json, terminal);
      else await printDeliveries(store, announcementId, list, terminal);
      return 0;
    });
  },
});

/** Number of announcements among which the latest one that runs is looked for. */
const MAX_LATEST = 100;

/** `chooseLatest` is the latest announcement that runs, or else the latest of all. PushError('BAD_INPUT') if there is none. */
async function chooseLatest(store: Store): Promise<number> {
  const latest = await store.fetchLatest(MAX_LATEST);
  const chosen = latest.find(({ status }) => status === 'running') ?? latest[0];
  if (chosen) return chosen.announcementId;
  throw refuse('ID', 'an announcement in the table', 'none');
}

/**
 * `printDeliveries` prints one line per delivery: the id of the device (in a mailing also of the message) and the reason,
 * separated by tabs.
 */
async function printDeliveries(
  store: Store,
  announcementId: number,
  verdict: Verdict,
  { out }: Terminal,
): Promise<void> {
  await findAnnouncement({ store }, announcementId);
  for (let after = { messageId: -1, deviceId: 0 }; ;) {
    const deliveries = await store.fetchDeliveries(announcementId, verdict, after, DELIVERIES_PER_READ);
    const last = deliveries.at(-1);
    if (!last) return;
    for (const { messageId, deviceId, reason } of deliveries) {
      const id = messageId === 0 ? [deviceId] : [messageId, deviceId];
      out(`${[...id, reason ?? ''].join('\t')}\n`);
    }
    after = last;
  }
}

/** `printStatus` prints the standing of an announcement, and what checks have found that is red. */
export async function printStatus(
  store: Store,
  announcementId: number,
  json: boolean,
  { env, out }: Pick<Terminal, 'env' | 'out'>,
): Promise<void> {
  const observer = makeObserver(env, store);
  const standing = await fetchStanding(observer, announcementId);
  const checks = await fetchChecksNow(observer);
  if (json) {
    const shown = { ...standingToJson(standing), notices: noticesToJson(checks.notices) };
    out(`${JSON.stringify(shown)}\n`);
    return;
  }
  out(describeStanding(standing));
  for (const line of describeChecksFor(standing.announcement, checks)) out(`${line}\n`);
}
