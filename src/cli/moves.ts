import { type Move, moveAnnouncement, resumeAnnouncement } from '../broadcast/announcement.ts';
import { readConfig } from '../config/config.ts';
import { terminalActor } from './actor.ts';
import { ANNOUNCEMENT_ID, parseAnnouncementId } from './announcement-id.ts';
import { type Command, defineCommand } from './command.ts';
import { flag, JSON_OPTION } from './options.ts';
import type { Store } from '../store.ts';
import { printStatus } from './status.ts';
import type { Terminal } from './terminal.ts';
import { withStore } from './with-store.ts';

export const pauseCommand = makeMove(
  'pause',
  'Stop a running announcement. Each hop stops after the pushes that it has in flight. `baton resume` continues it.',
);

export const resumeCommand = defineCommand({
  description:
    'Continue a paused or failed announcement where it stopped, from the next tick of the schedule on. If it was paused at its ' +
    'start because of the size of its audience, that is accepted. ' +
    'To send on this machine instead, use `baton push --announcement ID --resume`.',
  operands: ANNOUNCEMENT_ID,
  options: {
    acceptUnregistered: flag(
      'the devices are really gone: accept it, and do not fail again if nearly all pushes are unregistered',
    ),
    acceptEdits: flag('send the rest as the row is now, with what was edited in it since the start'),
    json: JSON_OPTION,
  },
  run: ({ options: { json, ...accepts }, operands }, terminal) =>
    move(operands, json, terminal, (store, id) =>
      resumeAnnouncement(
        { store, actor: terminalActor(), config: readConfig(terminal.env).config },
        id,
        accepts,
      ),
    ),
});

export const cancelCommand = makeMove(
  'cancel',
  'End an announcement permanently. Each hop stops after the pushes that it has in flight. Nothing continues it.',
);

function makeMove(name: Move, description: string): Command<{ json: typeof JSON_OPTION }> {
  return defineCommand({
    description,
    operands: ANNOUNCEMENT_ID,
    options: { json: JSON_OPTION },
    run: ({ options: { json }, operands }, terminal) =>
      move(operands, json, terminal, (store, id) =>
        moveAnnouncement({ store, actor: terminalActor() }, id, name),
      ),
  });
}

async function move(
  operands: readonly string[],
  json: boolean,
  terminal: Terminal,
  work: (store: Store, announcementId: number) => Promise<unknown>,
): Promise<number> {
  const announcementId = parseAnnouncementId(operands);
  await withStore(terminal.env, async (store) => {
    await work(store, announcementId);
    await printStatus(store, announcementId, json, terminal);
  });
  return 0;
}
