import { formatTime, onOneLine, toIso } from '../../words.ts';
import { type DeviceExplanation, type Encounter, MAX_ANNOUNCEMENTS } from './device.ts';

const TITLE_LENGTH = 40;

/** What `explain device` prints. It has no target. */
export function describeDevices(explanations: readonly DeviceExplanation[]): string {
  return explanations.map(describeOne).join('\n');
}

function describeOne({ says, encounters }: DeviceExplanation): string {
  const sent = encounters.filter(({ delivery }) => delivery !== null).length;
  return [
    onOneLine(says),
    `in the latest ${MAX_ANNOUNCEMENTS} announcements to devices: ${sent} ${sent === 1 ? 'push' : 'pushes'}, ${encounters.length - sent} without one ` +
      '(messages are not listed)',
    ...encounters.flatMap(describeEncounter),
    '',
  ].join('\n');
}

function describeEncounter({ announcementId, title, delivery, says, remedy }: Encounter): string[] {
  const when = delivery === null ? ''.padEnd(19) : formatTime(delivery.recordedAt);
  const name = onOneLine(title).slice(0, TITLE_LENGTH);
  return [
    `  ${when}  announcement ${announcementId} "${name}": ${onOneLine(says)}`,
    ...(remedy === null ? [] : [`  ${''.padEnd(19)}    → ${remedy}`]),
  ];
}

/** What `explain device --json` prints. Times are ISO 8601. */
export function devicesToJson(explanations: readonly DeviceExplanation[]): object {
  return {
    devices: explanations.map(({ deviceId, device, says, encounters }) => ({
      deviceId,
      says,
      createdAt: toIso(device?.createdAt ?? null),
      unregisteredAt: toIso(device?.unregisteredAt ?? null),
      unregisteredReason: device?.unregisteredReason ?? null,
      unregisteredBy: device?.unregisteredBy ?? null,
      announcements: encounters.map(({ announcementId, title, delivery, says: words, remedy }) => ({
        announcementId,
        title,
        verdict: delivery?.verdict ?? null,
        reason: delivery?.reason ?? null,
        messageName: delivery?.messageName ?? null,
        attempts: delivery?.attempts ?? 0,
        recordedAt: toIso(delivery?.recordedAt ?? null),
        says: words,
        remedy,
      })),
    })),
  };
}
