import { type Problem, PushError } from '../errors.ts';
import { bytesOf, LONGEST_COLLAPSE_KEY, MAX_MESSAGE_BYTES } from '../fcm/size.ts';
import type { NewAnnouncement } from '../model/announcement.ts';
import type { Content, Notification } from '../model/content.ts';
import type { Device } from '../model/device.ts';
import type { LocaleContent } from '../model/locales.ts';
import { openEngine } from './engine.ts';
import { makeLocalePicker } from './pick-locale.ts';
import { compileContent, type ContentTemplate, makeScope, type Unrendered } from './template.ts';

export { type Unrendered } from './template.ts';

/** The parts of an announcement that a message is made of. */
export interface MessageParts extends Pick<NewAnnouncement, 'locales' | 'template' | 'ttlSeconds'> {
  readonly content: Content;
}

/** Writes the message of an announcement for each device. */
export interface Renderer {
  /** Without a template, all devices of a locale get the same object. */
  render(device: Device, attributes: Readonly<Record<string, unknown>>): Notification | Unrendered;
  /** False: the announcement has no content for this locale, so that its device gets the announcement's own. */
  knows(locale: string | null | undefined): boolean;
}

type Write = Renderer['render'];

export function isUnrendered(rendered: Notification | Unrendered): rendered is Unrendered {
  return 'problem' in rendered;
}

/** True if an announcement does not send the same message to all devices, so that it needs a renderer. */
export function needsRenderer({
  locales = null,
  template = null,
}: Pick<NewAnnouncement, 'locales' | 'template'>): boolean {
  return template !== null || (locales !== null && Object.keys(locales).length > 0);
}

/** What is wrong with the templates of an announcement: the field, and the place in its text. */
export async function findTemplateProblems(parts: MessageParts): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  await compileParts({ ...parts, collapseKey: '' }, problems);
  return problems;
}

/** Checks a new announcement: PushError('BAD_INPUT') for templates that cannot be read, and for a locale that FCM would refuse. */
export async function checkTexts(parts: MessageParts): Promise<void> {
  const problems = [...(await findTemplateProblems(parts))];
  if ((parts.template ?? null) === null) {
    for (const [locale, each] of Object.entries(parts.locales ?? {})) {
      const bytes = bytesOf({
        ...parts,
        content: contentOf(parts.content, each),
        collapseKey: LONGEST_COLLAPSE_KEY,
      });
      if (bytes <= MAX_MESSAGE_BYTES) continue;
      const expected = `a message of at most ${MAX_MESSAGE_BYTES} bytes in all`;
      problems.push({ field: `locales.${locale}.body`, expected, got: `one of ${bytes}` });
    }
  }
  if (problems.length > 0) throw PushError.of('BAD_INPUT', problems);
}

/** Makes the renderer of an announcement. PushError('DATABASE') that `isBadRow` if one of its templates cannot be read. */
export async function makeRenderer(parts: MessageParts, collapseKey: string): Promise<Renderer> {
  const problems: Problem[] = [];
  const { own, locales } = await compileParts({ ...parts, collapseKey }, problems);
  if (problems.length > 0) throw PushError.of('DATABASE', problems);
  const pick = makeLocalePicker(locales);
  return {
    render: (device, attributes) => (pick(device.locale) ?? own)(device, attributes),
    knows: (locale) => pick(locale) !== null,
  };
}

/** The content of a locale: what it does not say is as in the announcement's own. */
export function contentOf(own: Content, { title, body, image, data, link }: LocaleContent): Content {
  return {
    title,
    body,
    image: image === undefined ? own.image : image,
    data: data ?? own.data,
    options: link === undefined ? own.options : { ...own.options, link },
  };
}

async function compileParts(
  { content, locales, template = null, ttlSeconds, collapseKey }: MessageParts & { collapseKey: string },
  problems: Problem[],
): Promise<{ own: Write; locales: [string, Write][] }> {
  const compile = template === null ? null : await openEngine();
  const makeWrite = (each: Content, path: string): Write => {
    const notification = { content: each, ttlSeconds, collapseKey };
    if (compile !== null) return writeWith(compileContent(compile, each, path, problems), notification);
    const checked = checkSize(notification);
    return () => checked;
  };
  return {
    own: makeWrite(content, ''),
    locales: Object.entries(locales ?? {}).map(([locale, each]) => [
      locale,
      makeWrite(contentOf(content, each), `locales.${locale}.`),
    ]),
  };
}

function writeWith(template: ContentTemplate, base: Notification): Write {
  const bytesWithoutTexts = bytesOf({ ...base, content: template.withoutTexts });
  return (device, attributes) => {
    const rendered = template.render(makeScope(device, attributes));
    if ('problem' in rendered) return rendered;
    const notification = { ...base, content: rendered.content };
    // Most messages need not be measured.
    const most = bytesWithoutTexts + rendered.length * MAX_BYTES_PER_UNIT;
    return most <= MAX_MESSAGE_BYTES ? notification : checkSize(notification);
  };
}

/** In JSON, one UTF-16 unit takes up to six bytes: `\u0001`. */
const MAX_BYTES_PER_UNIT = 6;

function checkSize(notification: Notification): Notification | Unrendered {
  return bytesOf(notification) > MAX_MESSAGE_BYTES ? { problem: 'MESSAGE_TOO_BIG' } : notification;
}
