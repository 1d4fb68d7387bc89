import { approveAnnouncement } from '../broadcast/approve.ts';
import { terminalActor } from './actor.ts';
import { ANNOUNCEMENT_ID, parseAnnouncementId } from './announcement-id.ts';
import { defineCommand } from './command.ts';
import { JSON_OPTION } from './options.ts';
import { printStatus } from './status.ts';
import { withStore } from './with-store.ts';

export const approveCommand = defineCommand({
  description:
    'Approve an announcement that another person has made, as its row is now: exactly that is sent, whatever is edited later. ' +
    'One that waits for approval starts at the next tick. The setting APPROVAL=required makes every broadcast wait.',
  operands: ANNOUNCEMENT_ID,
  options: { json: JSON_OPTION },
  async run({ options: { json }, operands }, terminal) {
    const announcementId = parseAnnouncementId(operands);
    await withStore(terminal.env, async (store) => {
      await approveAnnouncement({ store, actor: terminalActor() }, announcementId);
      await printStatus(store, announcementId, json, terminal);
    });
    return 0;
  },
});
