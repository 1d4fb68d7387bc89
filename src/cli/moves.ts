import { type Move, moveAnnouncement } from '../broadcast/announcement.ts';
import { ANNOUNCEMENT_ID, parseAnnouncementId } from './announcement-id.ts';
import { type Command, defineCommand } from './command.ts';
import { flag, JSON_OPTION } from './options.ts';
import { printStatus } from './status.ts';
import type { Terminal } from './terminal.ts';
import { withStore } from './with-store.ts';

export const pauseCommand = makeMove(
  'pause',
  'Stop a running announcement. Each hop stops after the chunk that it is sending. `baton resume` continues it.',
);

export const resumeCommand = defineCommand({
  description:
    'Continue a paused or failed announcement where it stopped, from the next tick of the schedule on. ' +
    'To send on this machine instead, use `baton push --announcement ID --resume`.',
  operands: ANNOUNCEMENT_ID,
  options: {
    acceptUnregistered: flag(
      'the devices are really gone: accept it, and do not fail again if nearly a whole chunk is unregistered',
    ),
    json: JSON_OPTION,
  },
  run: ({ options: { acceptUnregistered, json }, operands }, terminal) =>
    move('resume', operands, { acceptUnregistered, json }, terminal),
});

export const cancelCommand = makeMove(
  'cancel',
  'End an announcement permanently. Each hop stops after the chunk that it is sending. Nothing continues it.',
);

function makeMove(name: Move, description: string): Command<{ json: typeof JSON_OPTION }> {
  return defineCommand({
    description,
    operands: ANNOUNCEMENT_ID,
    options: { json: JSON_OPTION },
    run: ({ options: { json }, operands }, terminal) =>
      move(name, operands, { acceptUnregistered: false, json }, terminal),
  });
}

async function move(
  name: Move,
  operands: readonly string[],
  { acceptUnregistered, json }: { acceptUnregistered: boolean; json: boolean },
  terminal: Terminal,
): Promise<number> {
  const announcementId = parseAnnouncementId(operands);
  await withStore(terminal.env, async (store) => {
    if (acceptUnregistered) await store.acceptUnregistered(announcementId);
    await moveAnnouncement({ store }, announcementId, name);
    await printStatus(store, announcementId, json, terminal);
  });
  return 0;
}
