import { PushError } from '../errors.ts';
import { withStore } from './announcement.ts';
import { type Command, refuse } from './command.ts';
import { group } from './progress.ts';

export const devicesCommand: Command = {
  summary: 'How many devices there are, and whose app is gone; `devices restore` takes those back in.',
  operands: '[restore]',
  options: {
    announcement: {
      value: 'ID',
      help: 'restore: push again to the devices that this announcement found unregistered',
    },
    json: { help: 'print one JSON object and nothing else' },
  },
  run: (args, { env, out }) =>
    withStore(env, async (store) => {
      const [action, ...more] = args.operands;
      const announcementId = args.optionalWhole('announcement', 1, Number.MAX_SAFE_INTEGER);
      const json = args.flag('json');
      if (action === undefined) {
        if (announcementId !== null) throw refuse('announcement', 'restore before it', 'nothing');
        const devices = await store.countDevices();
        const unregistered = await store.countUnregistered();
        out(json ? `${JSON.stringify({ devices, unregistered })}\n` : describe(devices, unregistered));
        return 0;
      }
      if (action !== 'restore' || more.length > 0) {
        const got = args.operands.join(' ');
        throw PushError.of('BAD_INPUT', [{ field: 'devices', expected: 'restore, or nothing', got }]);
      }
      if (announcementId === null) throw refuse('announcement', "an announcement's id", 'nothing');
      const restored = await store.restoreDevices(announcementId);
      out(json ? `${JSON.stringify({ restored })}\n` : `${group(restored)} devices are pushed to again\n`);
      return 0;
    }),
};

function describe(
  devices: number,
  unregistered: readonly { announcementId: number | null; devices: number }[],
): string {
  return [
    `${group(devices)} devices`,
    ...unregistered.map(
      (each) =>
        `${group(each.devices)} left out: unregistered, as announcement ${each.announcementId ?? '?'} found`,
    ),
    '',
  ].join('\n');
}
