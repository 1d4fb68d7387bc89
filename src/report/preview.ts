import { fetchMembers } from '../content/members.ts';
import { contentOf, isUnrendered, makeRenderer } from '../content/render.ts';
import type { RenderProblem } from '../content/template.ts';
import type { Context } from '../context.ts';
import { PushError } from '../errors.ts';
import { restMessage } from '../fcm/message.ts';
import { isSendable, type Announcement } from '../model/announcement.ts';
import { isDataOnly, type Notification } from '../model/content.ts';
import { collapseKeyOf } from '../model/delivery.ts';
import type { Device, DeviceName } from '../model/device.ts';
import { onOneLine } from '../words.ts';
import { explainReason } from './reasons.ts';

/** A message of an announcement, or why there is none. */
export interface PreviewedMessage {
  /** Null: of the announcement itself, not of a device. */
  readonly deviceId: number | null;
  /** The locale that the text is for, or the device's; null: the announcement's own content, or a device that says none. */
  readonly locale: string | null;
  readonly notification: Notification | null;
  readonly problem: RenderProblem | null;
  /** The variable that is not known. */
  readonly variable: string | null;
}

const MAX_DEVICES = 20;

/** The message of each device with this name, or of each locale if there is no name. PushError('BAD_INPUT'), ('NO_SUCH_DEVICE'). */
export async function previewAnnouncement(
  { store }: Pick<Context, 'store'>,
  announcement: Announcement,
  name: DeviceName | null,
): Promise<readonly PreviewedMessage[]> {
  const { announcementId, audience, locales, ttlSeconds } = announcement;
  if (audience !== 'devices') {
    const got = `${announcementId}, a mailing`;
    throw PushError.of('BAD_INPUT', [{ field: 'ID', expected: 'an announcement to devices', got }]);
  }
  if (!isSendable(announcement)) {
    const got = announcement.problem ?? 'one without content';
    throw PushError.of('BAD_INPUT', [{ field: 'ID', expected: 'a row that can be sent', got }]);
  }
  const collapseKey = collapseKeyOf({ announcementId });
  const renderer = await makeRenderer(announcement, collapseKey);
  if (name === null) {
    const { content } = announcement;
    const contents = Object.entries(locales ?? {}).map(
      ([locale, each]) => [locale, contentOf(content, each)] as const,
    );
    return [[null, content] as const, ...contents].map(([locale, each]) => ({
      deviceId: null,
      locale,
      problem: null,
      variable: null,
      notification: { content: each, ttlSeconds, collapseKey },
    }));
  }
  const devices = await fetchDevices({ store }, name);
  const members = await fetchMembers({ store }, announcement, devices);
  return devices.map((device) => {
    const rendered = renderer.render(device, members.get(device.memberId ?? '') ?? {});
    const which = { deviceId: device.deviceId, locale: device.locale ?? null };
    return isUnrendered(rendered)
      ? { ...which, notification: null, problem: rendered.problem, variable: rendered.variable ?? null }
      : { ...which, notification: rendered, problem: null, variable: null };
  });
}

async function fetchDevices({ store }: Pick<Context, 'store'>, name: DeviceName): Promise<readonly Device[]> {
  const found = await store.findDevices(name, MAX_DEVICES);
  const devices: Device[] = [];
  for (const { deviceId } of found) {
    devices.push(...(await store.fetchPage(deviceId, deviceId, 1, { withTraits: true })));
  }
  if (devices.length > 0) return devices;
  const got = found.length === 0 ? 'none' : 'only unregistered ones';
  throw PushError.of('NO_SUCH_DEVICE', [{ field: 'device', expected: 'a device that gets pushes', got }]);
}

/** The messages as FCM gets them, without targets. */
export function previewToJson(
  announcementId: number,
  messages: readonly PreviewedMessage[],
  nowMs: number,
): object {
  return {
    announcementId,
    messages: messages.map(({ notification, ...rest }) => ({
      ...rest,
      message: notification === null ? null : restMessage(notification, nowMs),
    })),
  };
}

/** About the characters of a line, and the lines of a text, that phones show. */
const CUTS = [
  { phone: 'Android', title: 38, text: 44, lines: 1 },
  { phone: 'iOS', title: 34, text: 40, lines: 4 },
];

const CHARACTERS = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** The messages in words, as phones cut them before they are opened. */
export function describePreview(messages: readonly PreviewedMessage[]): string {
  return messages.map((each) => `${headOf(each)}\n${bodyOf(each)}`).join('\n');
}

function headOf({ deviceId, locale }: PreviewedMessage): string {
  if (deviceId === null) return locale === null ? 'Own content' : `Locale ${locale}`;
  return `Device ${deviceId}${locale === null ? '' : `, locale ${onOneLine(locale)}`}`;
}

function bodyOf({ notification, problem, variable }: PreviewedMessage): string {
  if (notification === null) {
    const { meaning } = explainReason(problem ?? '');
    return `  no message: ${meaning} (${problem ?? ''}${variable === null ? '' : `: ${variable}`})\n`;
  }
  const { content } = notification;
  const { title, body, image, options, data } = content;
  const shown = isDataOnly(content)
    ? ['  nothing is shown: the app gets the data']
    : CUTS.flatMap((cut) => [
        `  ${cut.phone}`,
        ...[...fold(title, cut.title, 1), ...fold(body, cut.text, cut.lines)].map((line) => `    ${line}`),
      ]);
  const rest = [
    ...(image === null ? [] : [['picture', image]]),
    ...(options.link === undefined ? [] : [['link', options.link]]),
    ...Object.entries(data).map(([key, value]) => [`data.${key}`, value]),
  ].map(([key = '', value = '']) => `  ${onOneLine(key)}: ${onOneLine(value)}`);
  return [...shown, ...rest, ''].join('\n');
}

/** Breaks a text into at most `lines` lines of `width` characters; the last one ends in … if there is more. */
function fold(text: string, width: number, lines: number): string[] {
  const characters = Array.from(CHARACTERS.segment(onOneLine(text)), ({ segment }) => segment);
  const folded: string[] = [];
  for (let at = 0; at < characters.length && folded.length < lines;) {
    const isLast = folded.length === lines - 1;
    const rest = characters.length - at;
    let end = at + Math.min(width, rest);
    const blank = characters.slice(at, end + 1).lastIndexOf(' ');
    if (rest > width && !isLast && blank > 0) end = at + blank;
    folded.push(
      isLast && rest > width
        ? `${characters
            .slice(at, end - 1)
            .join('')
            .trimEnd()}…`
        : characters.slice(at, end).join('').trim(),
    );
    at = characters[end] === ' ' ? end + 1 : end;
  }
  return folded;
}
