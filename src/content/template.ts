import type { Problem } from '../errors.ts';
import { type Content, isDataOnly } from '../model/content.ts';
import type { Device } from '../model/device.ts';
import { showName } from '../show.ts';
import { Budget, type Compile, type Scope, unknownVariableOf, type Write } from './engine.ts';

/** Why a device gets no message: the reason in the ledger. */
export const RENDER_PROBLEMS = [
  'TEMPLATE_ERROR',
  'TEMPLATE_VARIABLE',
  'TEMPLATE_EMPTY',
  'MESSAGE_TOO_BIG',
] as const;
export type RenderProblem = (typeof RENDER_PROBLEMS)[number];

/** What a device gets in the place of a message. */
export interface Unrendered {
  readonly problem: RenderProblem;
  /** The name of the variable that is not known. */
  readonly variable?: string;
}

/** Texts of one message that may be templates: title, body, image, link, and values of `data`. */
export const MAX_TEMPLATES = 100;

/** The templates of one content. */
export interface ContentTemplate {
  /** The content with a blank in the place of each template. */
  readonly withoutTexts: Content;
  /** The content where templates become as little as they may: no message of it is shorter. */
  readonly shortest: Content;
  /** `length` is the number of characters that the templates became, in all places of the message. */
  render(scope: Scope): { readonly content: Content; readonly length: number } | Unrendered;
}

/** Reads the templates of a content. What is wrong in them is added to `problems`, with `path` before the name of the field. */
export function compileContent(
  compile: Compile,
  { title, body, image, data, options }: Content,
  path: string,
  problems: Problem[],
): ContentTemplate {
  const read = (text: string, field: string): Write | string => {
    const compiled = compile(text, `${path}${field}`);
    if (typeof compiled !== 'object') return compiled;
    problems.push(compiled);
    return text;
  };
  const texts = {
    title: read(title, 'title'),
    body: read(body, 'body'),
    image: image === null ? '' : read(image, 'image'),
    link: read(options.link ?? '', 'link'),
    data: Object.entries(data).map(([key, value]) => [key, read(value, `data.${showName(key)}`)] as const),
  };
  const { data: values, ...others } = texts;
  const all = [...Object.values(others), ...values.map(([, text]) => text)];
  const count = all.filter((text) => typeof text === 'function').length;
  if (count > MAX_TEMPLATES) {
    const expected = `at most ${MAX_TEMPLATES} templates in a message`;
    problems.push({ field: `${path}data`, expected, got: String(count) });
  }
  const hasDataTemplate = texts.data.some(([, text]) => typeof text === 'function');
  const isBackground = isDataOnly({ title, body });

  const fill = (write: (text: Write | string) => string): Content => ({
    title: write(texts.title),
    body: write(texts.body),
    // A template may say that there is no picture.
    image: write(texts.image) || null,
    data: hasDataTemplate ? Object.fromEntries(texts.data.map(([key, text]) => [key, write(text)])) : data,
    options: typeof texts.link === 'function' ? withLink(options, write(texts.link)) : options,
  });
  const bare = fill((text) => (typeof text === 'string' ? text : ''));
  return {
    withoutTexts: fill((text) => (typeof text === 'string' ? text : ' ')),
    shortest: isBackground || !isDataOnly(bare) ? bare : { ...bare, title: ' ' },
    render(scope) {
      let length = 0;
      const budget = new Budget();
      try {
        const content = fill((text) => {
          if (typeof text === 'string') return text;
          const written = text(scope, budget);
          length += written.length * (text === texts.link ? PLACES_OF_LINK : 1);
          return written;
        });
        const isEmpty = !isBackground && content.title.trim() === '' && content.body.trim() === '';
        return isEmpty ? { problem: 'TEMPLATE_EMPTY' } : { content, length };
      } catch (error) {
        const variable = unknownVariableOf(error);
        return variable === null ? { problem: 'TEMPLATE_ERROR' } : { problem: 'TEMPLATE_VARIABLE', variable };
      }
    },
  };
}

/** A message has its link in its `data` and for browsers. */
const PLACES_OF_LINK = 2;

function withLink(options: Content['options'], link: string): Content['options'] {
  return { ...options, link: link === '' ? undefined : link };
}

/**
 * The variables of a template: the member's attributes, `device` and `member`. What is null is not known, so that a template
 * has to say what takes its place.
 */
export function makeScope(
  { deviceId, memberId, platform, locale, timeZone, appVersion }: Device,
  attributes: Readonly<Record<string, unknown>>,
): Scope {
  // Without a prototype, a key such as `__proto__` is a key like any other.
  const scope = known(attributes);
  scope['device'] = known({ id: deviceId, platform, locale, timeZone, appVersion });
  scope['member'] = known({ id: memberId });
  return scope;
}

function known(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const result = Object.create(null) as Record<string, unknown>;
  for (const name of Object.keys(values)) {
    const value = values[name];
    if (value !== null && value !== undefined) result[name] = value;
  }
  return result;
}
