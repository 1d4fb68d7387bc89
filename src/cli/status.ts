import { findAnnouncement } from '../broadcast/announcement.ts';
import { group } from '../local/format.ts';
import type { Announcement } from '../model/announcement.ts';
import { type Counts, type Verdict, VERDICTS } from '../model/delivery.ts';
import type { Store } from '../store.ts';
import { ANNOUNCEMENT_ID, parseAnnouncementId } from './announcement-id.ts';
import { defineCommand } from './command.ts';
import { JSON_OPTION, oneOf } from './options.ts';
import type { Terminal } from './terminal.ts';
import { withStore } from './with-store.ts';

const DELIVERIES_PER_READ = 5000;

export const statusCommand = defineCommand({
  description:
    'Show the status of an announcement, its hops, and the number of its deliveries by verdict; ' +
    'or, with --list, the devices of one verdict.',
  examples: [
    ['baton status 42', 'How far it is'],
    ['baton status 42 --list rejected', 'Which devices FCM rejected, and why'],
  ],
  operands: ANNOUNCEMENT_ID,
  options: {
    list: oneOf(
      'VERDICT',
      `print the devices of this verdict, one a line with the reason: ${VERDICTS.join(', ')}`,
      {
        choices: VERDICTS,
        fallback: null,
      },
    ),
    json: JSON_OPTION,
  },
  async run({ options: { list, json }, operands }, terminal) {
    const announcementId = parseAnnouncementId(operands);
    await withStore(terminal.env, (store) =>
      list === null
        ? printStatus(store, announcementId, json, terminal)
        : printDeliveries(store, announcementId, list, terminal),
    );
    return 0;
  },
});

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

export async function printStatus(
  store: Store,
  announcementId: number,
  json: boolean,
  { out }: Terminal,
): Promise<void> {
  const announcement = await findAnnouncement({ store }, announcementId);
  const { status, statusReason: reason, problem, edited } = announcement;
  const counts = await store.countDeliveries(announcementId);
  const hops = await store.countHops(announcementId);
  if (json) {
    out(`${JSON.stringify({ announcementId, status, reason, problem, edited, ...counts, hops })}\n`);
    return;
  }
  out(
    [
      `announcement ${announcementId} ${status}; hops ${hops.closed} done, ${hops.open} open`,
      ...(reason === null ? [] : [reason]),
      ...describeRow(announcement),
      ...describeCounts(counts),
      '',
    ].join('\n'),
  );
}

/** `describeRow` says what is wrong with the announcement's row, and what was edited in it since the start. */
function describeRow({ announcementId, problem, statusReason, edited }: Announcement): string[] {
  return [
    ...(problem === null || problem === statusReason ? [] : [`cannot be sent: ${problem}`]),
    ...(edited.length === 0
      ? []
      : [
          `edited since its start, without effect: ${edited.join(', ')}; ` +
            `\`baton resume ${announcementId} --accept-edits\` sends the rest as edited, once it is paused or has failed`,
        ]),
  ];
}

/** `describeCounts` makes one line for each verdict. */
export function describeCounts(counts: Counts): string[] {
  return Object.entries(counts).map(
    ([verdict, count]) => `  ${verdict.padEnd(14)}${group(count).padStart(11)}`,
  );
}
