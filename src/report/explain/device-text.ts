import type { DeviceDelivery } from '../../model/delivery.ts';
import type { DeviceRecord } from '../../model/device.ts';
import { countOf, formatCount, formatTime, onOneLine, toIso } from '../../words.ts';
import {
  type DeviceExplanation,
  type Encounter,
  MAX_ANNOUNCEMENTS,
  MAX_MESSAGES,
  MAX_SEARCHED_MESSAGES,
  type MessageEncounter,
  type TestEncounter,
} from './device.ts';

const TITLE_LENGTH = 40;

/** What `explain device` prints. It has no target. */
export function describeDevices(explanations: readonly DeviceExplanation[]): string {
  return explanations.map(describeOne).join('\n');
}

function describeOne({ device, says, encounters, tests, messages }: DeviceExplanation): string {
  const sent = encounters.filter(({ delivery }) => delivery !== null).length;
  return [
    onOneLine(says),
    ...(device === null ? [] : describeTraits(device)),
    `in the latest ${MAX_ANNOUNCEMENTS} announcements to devices: ${countOf(sent, 'push', 'pushes')}, ${encounters.length - sent} without one`,
    ...encounters.flatMap(describeEncounter),
    ...tests.flatMap(describeTest),
    `in the latest ${formatCount(MAX_SEARCHED_MESSAGES)} messages: ${countOf(messages.length, 'message')} to it or to its member` +
      (messages.length < MAX_MESSAGES ? '' : ', or more'),
    ...messages.flatMap(describeMessage),
    '',
  ].join('\n');
}

/** What a device says about itself; nothing, if it says nothing. */
function describeTraits(device: DeviceRecord): string[] {
  const { platform, locale, timeZone, appVersion, lastSeenAt, isTest, isCanary, tags } = device;
  const names = Object.entries(tags).map(([name, value]) => `${name}=${value}`);
  const parts = [
    platform,
    locale,
    timeZone,
    appVersion === null ? null : `app ${appVersion}`,
    lastSeenAt === null ? null : `last seen ${formatTime(lastSeenAt)} UTC`,
    isTest ? 'a test device' : null,
    isCanary ? 'a canary' : null,
    names.length === 0 ? null : `tags ${names.join(' ')}`,
  ].filter((part) => part !== null);
  return parts.length === 0 ? [] : [onOneLine(`it says: ${parts.join(', ')}`)];
}

function describeEncounter({ announcementId, title, delivery, says, remedy }: Encounter): string[] {
  const when = delivery === null ? ''.padEnd(19) : formatTime(delivery.recordedAt);
  const name = onOneLine(title).slice(0, TITLE_LENGTH);
  return describeLine(when, `announcement ${announcementId} "${name}"`, { says, remedy });
}

function describeTest({ testOf, recordedAt, ...words }: TestEncounter): string[] {
  const what = testOf === 0 ? 'test of a text that is no announcement' : `test of announcement ${testOf}`;
  return describeLine(formatTime(recordedAt), what, words);
}

function describeLine(
  when: string,
  what: string,
  { says, remedy }: Pick<Encounter, 'says' | 'remedy'>,
): string[] {
  return [
    `  ${when}  ${what}: ${onOneLine(says)}`,
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
    devices: explanations.map(({ deviceId, device, says, encounters, tests, messages }) => ({
      deviceId,
      says,
      createdAt: toIso(device?.createdAt ?? null),
      unregisteredAt: toIso(device?.unregisteredAt ?? null),
      unregisteredReason: device?.unregisteredReason ?? null,
      unregisteredBy: device?.unregisteredBy ?? null,
      platform: device?.platform ?? null,
      locale: device?.locale ?? null,
      timeZone: device?.timeZone ?? null,
      appVersion: device?.appVersion ?? null,
      lastSeenAt: toIso(device?.lastSeenAt ?? null),
      isTest: device?.isTest ?? false,
      isCanary: device?.isCanary ?? false,
      tags: device?.tags ?? {},
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
      tests: tests.map(({ testOf, recordedAt, says: words, ...rest }) => ({
        ...rest,
        announcementId: testOf === 0 ? null : testOf,
        recordedAt: toIso(recordedAt),
        says: words,
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
