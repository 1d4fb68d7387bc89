import { type Problem, PushError } from '../errors.ts';
import { bytesOf, LONGEST_COLLAPSE_KEY, MAX_MESSAGE_BYTES, withMark } from '../fcm/size.ts';
import type { NewAnnouncement } from '../model/announcement.ts';
import type { Content, Mark, Notification } from '../model/content.ts';
import type { Device } from '../model/device.ts';
import type { LocaleContent } from '../model/locales.ts';
import { type Compile, isTemplate, openEngine } from './engine.ts';
import { makeLocalePicker } from './pick-locale.ts';
import { compileContent, type ContentTemplate, makeScope, type Unrendered } from './template.ts';

export { type Unrendered } from './template.ts';

/** The parts of an announcement that a message is made of. */
export interface MessageParts extends Pick<NewAnnouncement, 'locales' | 'template' | 'ttlSeconds'> {
  readonly content: Content;
  /** What its pushes carry to be followed: see withMark. */
  readonly mark?: Mark | undefined;
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

/**
 * Checks a new announcement: PushError('BAD_INPUT') for templates that cannot be read, and for what FCM would refuse for every
 * device of a locale, or with templates of any, because it is too long.
 */
export async function checkTexts(parts: MessageParts): Promise<void> {
  const problems: Problem[] = [];
  const { own, locales } = await compileParts({ ...parts, collapseKey: LONGEST_COLLAPSE_KEY }, problems);
  const hasTemplate = (parts.template ?? null) !== null;
  // The schema of a request measures its own content, but for one with templates.
  const toMeasure = [
    ...(hasTemplate ? [['', own] as const] : []),
    ...locales.map(([locale, each]) => [`locales.${locale}.`, each] as const),
  ];
  for (const [path, { minBytes }] of toMeasure) {
    if (minBytes <= MAX_MESSAGE_BYTES) continue;
    const expected = `a message of at most ${MAX_MESSAGE_BYTES} bytes in all`;
    const got = hasTemplate ? `one of ${minBytes} without what its templates write` : `one of ${minBytes}`;
    problems.push({ field: `${path}body`, expected, got });
  }
  if (problems.length > 0) throw PushError.of('BAD_INPUT', problems);
}

/**
 * Makes the renderer of an announcement. PushError('DATABASE') that `isBadRow` if one of its templates cannot be read. Who makes
 * many renderers opens one engine for all.
 */
export async function makeRenderer(
  parts: MessageParts,
  collapseKey: string,
  engine: Compile | null = null,
): Promise<Renderer> {
  const problems: Problem[] = [];
  const { own, locales } = await compileParts({ ...parts, collapseKey }, problems, engine);
  if (problems.length > 0) throw PushError.of('DATABASE', problems);
  const pick = makeLocalePicker(locales);
  return {
    render: (device, attributes) => (pick(device.locale) ?? own).write(device, attributes),
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

/** One content of an announcement: its own, or that of a locale. */
interface Part {
  readonly write: Write;
  /** No message of it has fewer. */
  readonly minBytes: number;
}

async function compileParts(
  {
    content,
    locales,
    template = null,
    ttlSeconds,
    mark,
    collapseKey,
  }: MessageParts & { collapseKey: string },
  problems: Problem[],
  engine: Compile | null = null,
): Promise<{ own: Part; locales: (readonly [string, Part])[] }> {
  const once = template === null ? null : compileOnce(engine ?? (await openEngine()));
  const makePart = (each: Content, path: string): Part => {
    const notification = { content: each, ttlSeconds, collapseKey };
    if (once !== null) {
      const compiled = compileContent(once.compile, each, path, problems);
      const minBytes = bytesOf({ ...notification, content: compiled.shortest });
      return { write: writeWith(compiled, notification, mark), minBytes };
    }
    const minBytes = bytesOf(notification);
    const checked = checkSize(notification, minBytes, mark);
    return { write: () => checked, minBytes };
  };
  const parts = {
    own: makePart(content, ''),
    locales: Object.entries(locales ?? {}).map(
      ([locale, each]) => [locale, makePart(contentOf(content, each), `locales.${locale}.`)] as const,
    ),
  };
  if (once !== null && once.length() > MAX_TEMPLATES_LENGTH) {
    const expected = `templates of at most ${MAX_TEMPLATES_LENGTH} characters in all locales`;
    problems.push({ field: 'template', expected, got: String(once.length()) });
  }
  return parts;
}

/** Characters of all templates of an announcement. Each hop reads them anew. */
const MAX_TEMPLATES_LENGTH = 100_000;

/**
 * `compileOnce` reads the same text only once: each locale may repeat the announcement's own data. It adds up the `length` of the
 * templates, and reads none beyond MAX_TEMPLATES_LENGTH.
 */
function compileOnce(compile: Compile): { compile: Compile; length: () => number } {
  const known = new Map<string, ReturnType<Compile>>();
  let length = 0;
  return {
    length: () => length,
    compile: (text, field) => {
      const earlier = known.get(text);
      if (earlier !== undefined) return typeof earlier === 'object' ? { ...earlier, field } : earlier;
      if (isTemplate(text)) length += text.length;
      if (length > MAX_TEMPLATES_LENGTH) return text;
      const compiled = compile(text, field);
      known.set(text, compiled);
      return compiled;
    },
  };
}

function writeWith(template: ContentTemplate, base: Notification, mark: Mark | undefined): Write {
  const marked = mark === undefined ? base : { ...base, mark };
  const bytesWithoutTexts = bytesOf({ ...marked, content: template.withoutTexts });
  return (device, attributes) => {
    const rendered = template.render(makeScope(device, attributes));
    if ('problem' in rendered) return rendered;
    const { content } = rendered;
    // Most messages need not be measured.
    const most = bytesWithoutTexts + rendered.length * MAX_BYTES_PER_UNIT;
    if (most <= MAX_MESSAGE_BYTES) return { ...marked, content };
    const notification = { ...base, content };
    return checkSize(notification, bytesOf(notification), mark);
  };
}

/** In JSON, one UTF-16 unit takes up to six bytes: `\u0001`. */
const MAX_BYTES_PER_UNIT = 6;

/** `bytes` is the size of the message without its mark. */
function checkSize(
  notification: Notification,
  bytes: number,
  mark: Mark | undefined,
): Notification | Unrendered {
  return bytes > MAX_MESSAGE_BYTES ? { problem: 'MESSAGE_TOO_BIG' } : withMark(notification, mark);
}
