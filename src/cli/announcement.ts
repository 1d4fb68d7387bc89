import { type Counts, type Verdict, VERDICTS } from '../model/delivery.ts';
import type { Store } from '../store.ts';
import { systemClock } from '../clock.ts';
import { type Env, parseDatabaseConfig } from '../config/config.ts';
import { findAnnouncement, type Move, moveAnnouncement } from '../broadcast/announcement.ts';
import { openStore } from '../db/open.ts';
import { PushError } from '../errors.ts';

import { type Args, type Command, type Option, type Terminal } from './command.ts';
import { group } from './progress.ts';

const DELIVERIES_PER_READ = 5000;

const OPTIONS: Readonly<Record<string, Option>> = {
  json: { help: 'print one JSON object and nothing else' },
};

export const statusCommand: Command = {
  summary: 'Where an announcement stands, and whom it has reached.',
  operands: 'ID',
  options: {
    list: { value: 'VERDICT', help: 'print the devices of this verdict, one a line with its reason' },
    ...OPTIONS,
  },
  run: (args, terminal) =>
    withStore(terminal.env, (store) =>
      args.text('list') === null
        ? tell(store, readId(args), args, terminal)
        : list(store, readId(args), args.oneOf('list', VERDICTS), terminal),
    ),
};

export const pauseCommand = makeMove('Stop a running announcement within one chunk of each hop.', 'pause');

export const resumeCommand = makeMove(
  'Let a paused or failed announcement go on where it stopped, from the next tick on.',
  'resume',
  {
    'accept-unregistered': {
      help: 'the devices are gone indeed: do not fail again for a chunk that is nearly all unregistered',
    },
  },
);

export const cancelCommand = makeMove(
  'End an announcement for good, within one chunk of each hop.',
  'cancel',
);

function makeMove(summary: string, move: Move, options: Readonly<Record<string, Option>> = {}): Command {
  return {
    summary,
    operands: 'ID',
    options: { ...options, ...OPTIONS },
    run: (args, terminal) =>
      withStore(terminal.env, async (store) => {
        const announcementId = readId(args);
        if (args.flag('accept-unregistered')) await store.acceptUnregistered(announcementId);
        await moveAnnouncement({ store }, announcementId, move);
        return tell(store, announcementId, args, terminal);
      }),
  };
}

export async function withStore(env: Env, work: (store: Store) => Promise<number>): Promise<number> {
  const store = await openStore(parseDatabaseConfig(env), systemClock);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** Device by device, or message and device; tab and reason. */
async function list(
  store: Store,
  announcementId: number,
  verdict: Verdict,
  { out }: Terminal,
): Promise<number> {
  await findAnnouncement({ store }, announcementId);
  for (let after = { messageId: -1, deviceId: 0 }; ;) {
    const deliveries = await store.fetchDeliveries(announcementId, verdict, after, DELIVERIES_PER_READ);
    const last = deliveries.at(-1);
    if (!last) return 0;
    for (const { messageId, deviceId, reason } of deliveries) {
      const id = messageId === 0 ? [deviceId] : [messageId, deviceId];
      out(`${[...id, reason ?? ''].join('\t')}\n`);
    }
    after = last;
  }
}

async function tell(store: Store, announcementId: number, args: Args, { out }: Terminal): Promise<number> {
  const { status, statusReason } = await findAnnouncement({ store }, announcementId);
  const counts = await store.countDeliveries(announcementId);
  const hops = await store.countHops(announcementId);
  if (args.flag('json')) {
    out(`${JSON.stringify({ announcementId, status, reason: statusReason, ...counts, hops })}\n`);
    return 0;
  }
  out(
    [
      `announcement ${announcementId} ${status}; hops ${hops.closed} done, ${hops.open} open`,
      ...(statusReason === null ? [] : [statusReason]),
      ...describeCounts(counts),
      '',
    ].join('\n'),
  );
  return 0;
}

export function describeCounts(counts: Counts): string[] {
  return Object.entries(counts).map(
    ([verdict, count]) => `  ${verdict.padEnd(14)}${group(count).padStart(11)}`,
  );
}

function readId({ operands }: Args): number {
  const [text = ''] = operands;
  if (operands.length === 1 && /^[1-9]\d{0,14}$/.test(text)) return Number(text);
  const got = operands.length === 0 ? 'nothing' : JSON.stringify(operands.join(' '));
  throw PushError.of('BAD_INPUT', [{ field: 'ID', expected: "one announcement's id", got }]);
}
