import type { KindCounts, TraitCounts } from '../model/device.ts';
import { parseTargets, type TargetsOfDay } from '../model/targets.ts';
import { formatCount, formatWholeShare, onOneLine } from '../words.ts';
import { terminalActor } from './actor.ts';
import { describeOperands } from './announcement-id.ts';
import { defineCommand } from './command.ts';
import { id, JSON_OPTION, refuse } from './options.ts';
import { withStore } from './with-store.ts';

/** Locales that are listed; the others are only counted. */
const MAX_LOCALES = 10;

/** The days of the trend of tokens and FIDs. */
const TREND_DAYS = 31;
const WEEK_DAYS = 7;

export const devicesCommand = defineCommand({
  description:
    'Count the devices that get pushes, by token and FID, by platform and locale as far as they say it, and those that FCM ' +
    'has reported as unregistered. ' +
    '`baton devices restore` sends to the latter again.',
  examples: [
    ['baton devices', 'How many devices there are'],
    [
      'baton devices restore --announcement 42',
      'Undo what announcement 42 found, if the credentials were wrong',
    ],
  ],
  operands: { usage: '[restore]', help: 'restore, or nothing' },
  options: {
    announcement: id('restore the devices that this announcement found unregistered'),
    json: JSON_OPTION,
  },
  async run({ options: { announcement: announcementId, json }, operands }, { env, out }) {
    if (operands.length > 1 || (operands.length === 1 && operands[0] !== 'restore')) {
      throw refuse('ACTION', 'restore, or nothing', describeOperands(operands));
    }
    const isRestore = operands.length === 1;
    if (!isRestore && announcementId !== null) throw refuse('--announcement', 'restore before it', 'nothing');
    return withStore(env, async (store) => {
      if (!isRestore) {
        const devices = await store.countDevices();
        const unregistered = await store.countUnregistered();
        const traits = await store.countTraits(MAX_LOCALES);
        const targets = await store.countKinds();
        const trend = parseTargets(await store.fetchSignals('targets', TREND_DAYS));
        out(
          json
            ? `${JSON.stringify({ devices, targets, trend, unregistered, ...traits })}\n`
            : describe(devices, describeTargets(targets, trend), unregistered, traits),
        );
        return 0;
      }
      if (announcementId === null) throw refuse('--announcement', "an announcement's id", 'nothing');
      const restored = await store.restoreDevices(announcementId, terminalActor());
      if (restored === 0 && (await store.fetchAnnouncement(announcementId)) === null) {
        throw refuse('--announcement', 'the id of a row in push_announcement', String(announcementId));
      }
      out(json ? `${JSON.stringify({ restored })}\n` : `${formatCount(restored)} devices restored\n`);
      return 0;
    });
  },
});

/** The line of tokens and FIDs, and their trend: the first day that is known, and a week ago. */
export function describeTargets({ token, fid }: KindCounts, trend: readonly TargetsOfDay[]): string[] {
  if (token + fid === 0) return [];
  const [today, ...earlier] = trend;
  const days = [earlier.at(-1), earlier.length > WEEK_DAYS ? earlier[WEEK_DAYS - 1] : undefined];
  const known = days.flatMap((each) => (each ? [`${shareOf(each)} on ${each.day}`] : []));
  const hasFids = fid > 0 || (today?.fid ?? 0) > 0 || earlier.some((each) => each.fid > 0);
  return [
    `targets: ${formatCount(token)} tokens, ${formatCount(fid)} FIDs (${shareOf({ token, fid })})` +
      (hasFids && known.length > 0 ? `; FIDs were ${known.join(', ')}` : ''),
  ];
}

function shareOf({ token, fid }: KindCounts): string {
  return token + fid === 0 ? '0%' : formatWholeShare(fid / (token + fid));
}

function describe(
  devices: number,
  targets: readonly string[],
  unregistered: readonly { announcementId: number | null; devices: number }[],
  traits: TraitCounts,
): string {
  return [
    `${formatCount(devices)} devices`,
    ...targets,
    ...describeTraits(traits),
    ...unregistered.map(
      (each) =>
        `${formatCount(each.devices)} left out: found unregistered by announcement ${each.announcementId ?? '?'}`,
    ),
    '',
  ].join('\n');
}

function list(counts: readonly { readonly name: string | null; readonly devices: number }[]): string {
  return counts
    .map(({ name, devices }) => `${onOneLine(name ?? 'not known')} ${formatCount(devices)}`)
    .join(', ');
}

/** A line for each trait that any device says. */
function describeTraits({
  byPlatform,
  byLocale,
  locales,
  withTimeZone,
  test,
  canaries,
}: TraitCounts): string[] {
  const platforms = byPlatform.map(({ platform, devices }) => ({ name: platform, devices }));
  const shown = byLocale.map(({ locale, devices }) => ({ name: locale, devices }));
  const more = locales - shown.filter(({ name }) => name !== null).length;
  return [
    ...(platforms.some(({ name }) => name !== null) ? [`by platform: ${list(platforms)}`] : []),
    ...(locales > 0
      ? [`by locale: ${list(shown)}${more > 0 ? `, and ${formatCount(more)} more locales` : ''}`]
      : []),
    ...(withTimeZone > 0 ? [`with a time zone: ${formatCount(withTimeZone)}`] : []),
    ...(test > 0 ? [`test devices: ${formatCount(test)}`] : []),
    ...(canaries > 0 ? [`canaries: ${formatCount(canaries)}`] : []),
  ];
}
