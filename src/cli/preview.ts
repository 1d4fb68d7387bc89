import { findAnnouncement } from '../broadcast/announcement.ts';
import { systemClock } from '../clock.ts';
import type { DeviceName } from '../model/device.ts';
import { describePreview, previewAnnouncement, previewToJson } from '../report/preview.ts';
import { show } from '../show.ts';
import { ANNOUNCEMENT_ID, parseAnnouncementId } from './announcement-id.ts';
import { defineCommand } from './command.ts';
import { JSON_OPTION, type Option, refuse } from './options.ts';
import { withStore } from './with-store.ts';

const MEMBER = 'member:';

const device: Option<DeviceName | null> = {
  help: 'the message of this device, by its id, or of the devices of a member',
  placeholder: 'ID|member:ID',
  fallback: null,
  parse(value, field) {
    if (/^[1-9]\d{0,14}$/.test(value)) return { kind: 'id', deviceId: Number(value) };
    if (value.startsWith(MEMBER) && value !== MEMBER)
      return { kind: 'member', memberId: value.slice(MEMBER.length) };
    throw refuse(field, "a device's id or member:ID", show(value));
  },
};

export const previewCommand = defineCommand({
  description:
    'Show the message of an announcement as phones cut it, without sending it: of the announcement and of each locale, or ' +
    'of a device, with its template filled in. With --json, as FCM gets it, without a target.',
  examples: [
    ['baton preview 42', 'The text of each locale'],
    ['baton preview 42 --device member:4711', 'What the devices of member 4711 get'],
  ],
  operands: ANNOUNCEMENT_ID,
  options: { device, json: JSON_OPTION },
  async run({ options, operands }, { env, out }) {
    const announcementId = parseAnnouncementId(operands);
    const messages = await withStore(env, async (store) =>
      previewAnnouncement({ store }, await findAnnouncement({ store }, announcementId), options.device),
    );
    const json = options.json && previewToJson(announcementId, messages, systemClock.now());
    out(json ? `${JSON.stringify(json)}\n` : describePreview(messages));
    return messages.every(({ problem }) => problem === null) ? 0 : 1;
  },
});
