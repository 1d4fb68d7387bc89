import type { DeviceDelivery } from '../../model/delivery.ts';
import { countOf, formatCount, formatTime, onOneLine, toIso } from '../../words.ts';
import {
  type DeviceExplanation,
  type Encounter,
  MAX_ANNOUNCEMENTS,
  MAX_MESSAGES,
  MAX_SEARCHED_MESSAGES,
  type MessageEncounter,
} from './device.ts';

const TITLE_LENGTH = 40;

/** What `explain device` prints. It has no target. */
export function describeDevices(explanations: readonly DeviceExplanation[]): string {
  return explanations.map(describeOne).join('\n');
}

function describeOne({ says, encounters, messages }: DeviceExplanation): string {
  const sent = encounters.filter(({ delivery }) => delivery !== null).length;
  return [
    onOneLine(says),
    `in the latest ${MAX_ANNOUNCEMENTS} announcements to devices: ${countOf(sent, 'push', 'pushes')}, ${encounters.length - sent} without one`,
    ...encounters.flatMap(describeEncounter),
    `in the latest ${formatCount(MAX_SEARCHED_MESSAGES)} messages: ${countOf(messages.length, 'message')} to it or to its member` +
      (messages.length < MAX_MESSAGES ? '' : ', or more'),
    ...messages.flatMap(describeMessage),
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

function describeMessage({ messageId, announcementId, delivery, says, remedy }: MessageEncounter): string[] {
  const when = delivery === null ? ''.padEnd(19) : formatTime(delivery.recordedAt);
  const how =
    announcementId === 0 ? ', at once' : announcementId === null ? '' : `, mailing ${announcementId}`;
  return [
    `  ${when}  message ${messageId}${how}: ${onOneLine(says)}`,
    ...(remedy === null ? [] : [`  ${''.padEnd(19)}    → ${remedy}`]),
  ];
}

/** What `explain device --json` prints. Times are ISO 8601. */
export function devicesToJson(explanations: readonly DeviceExplanation[]): object {
  return {
    devices: explanations.map(({ deviceId, device, says, encounters, messages }) => ({
      deviceId,
      says,
      createdAt: toIso(device?.createdAt ?? null),
      unregisteredAt: toIso(device?.unregisteredAt ?? null),
      unregisteredReason: device?.unregisteredReason ?? null,
      unregisteredBy: device?.unregisteredBy ?? null,
      announcements: encounters.map(({ announcementId, title, delivery, says: words, remedy }) => ({
        announcementId,
        title,
        ...deliveryToJson(delivery),
        says: words,
        remedy,
      })),
      messages: messages.map(({ messageId, announcementId, publishAt, delivery, says: words, remedy }) => ({
        messageId,
        announcementId,
        publishAt: toIso(publishAt),
        ...deliveryToJson(delivery),
        says: words,
        remedy,
      })),
    })),
  };
}

function deliveryToJson(delivery: DeviceDelivery | null): object {
  return {
    verdict: delivery?.verdict ?? null,
    reason: delivery?.reason ?? null,
    messageName: delivery?.messageName ?? null,
    attempts: delivery?.attempts ?? 0,
    recordedAt: toIso(delivery?.recordedAt ?? null),
  };
}
